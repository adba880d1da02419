namespace Presence.Benchmarks.Measuring;

/// <summary>One figure: what it is called, in what it is measured, and how it is found once.</summary>
internal sealed record Row(string Group, string Name, string Unit, Func<Effort, Task<double>> Measure)
{
    /// <summary>How many runs it takes at least, also where one of each is asked for: more if single runs spread widely and take little time.</summary>
    public int LeastRuns { get; init; } = 1;

    /// <summary>How many runs it takes at most: one where a process can show the figure once.</summary>
    public int MostRuns { get; init; } = int.MaxValue;

    public string FullName => $"{Group} {Name}";

    /// <summary>A figure that needs nobody else to be found.</summary>
    public static Row Of(string group, string name, string unit, Func<Effort, double> measure) =>
        new(group, name, unit, effort => Task.FromResult(measure(effort)));
}
