namespace Presence.Benchmarks.Measuring;

/// <summary>One figure: its name, its unit and how it is measured once.</summary>
internal sealed record Row(string Group, string Name, string Unit, Func<Effort, Task<double>> Measure)
{
    /// <summary>
    /// Minimum number of runs, even in a quick run; more for short rows whose single runs vary widely.
    /// </summary>
    public int LeastRuns { get; init; } = 1;

    /// <summary>Gets whether each run needs a process in which nothing ran before.</summary>
    public bool NeedsOwnProcess { get; init; }

    public string FullName => $"{Group} {Name}";

    /// <summary>Creates a row that is measured synchronously.</summary>
    public static Row Of(string group, string name, string unit, Func<Effort, double> measure) =>
        new(group, name, unit, effort => Task.FromResult(measure(effort)));

    /// <summary>Returns rows that share the run of one step.</summary>
    /// <param name="group">The group of the rows.</param>
    /// <param name="step">Runs with a number of clients and returns the figures by name.</param>
    /// <param name="clients">The number of clients; a tenth with <see cref="Effort.Quick"/>.</param>
    /// <param name="fewest">The fewest clients.</param>
    /// <param name="rows">The rows, each with the name of its figure.</param>
    public static IEnumerable<Row> OfOneRun(
        string group,
        Func<int, Task<Dictionary<string, double>>> step,
        int clients,
        int fewest,
        params (string Name, string Unit, string Figure)[] rows)
    {
        var runs = new List<Dictionary<string, double>>();
        foreach (var (name, unit, figure) in rows)
        {
            var next = 0;
            yield return new Row(group, name, unit, async effort =>
            {
                if (next == runs.Count)
                {
                    runs.Add(await step(effort == Effort.Quick ? Math.Max(fewest, clients / 10) : clients));
                }

                return runs[next++][figure];
            });
        }
    }
}
