namespace Presence.Benchmarks.Measuring;

/// <summary>One figure: what it is called, in what it is measured, and how it is found once.</summary>
internal sealed record Row(string Group, string Name, string Unit, Func<Effort, Task<double>> Measure)
{
    public string FullName => $"{Group} {Name}";

    /// <summary>A figure that needs nobody else to be found.</summary>
    public static Row Of(string group, string name, string unit, Func<Effort, double> measure) =>
        new(group, name, unit, effort => Task.FromResult(measure(effort)));
}
