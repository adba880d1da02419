namespace Presence.Benchmarks.Measuring;

/// <summary>Samples that several rows are figures of: each run is made once, by the row that comes to it first.</summary>
internal sealed class OneRun(Func<Effort, Task<IReadOnlyList<double>>> measure)
{
    private readonly List<IReadOnlyList<double>> _runs = [];

    /// <summary>What a row measures: one percentile of each run in turn.</summary>
    public Func<Effort, Task<double>> Percentile(double share)
    {
        var run = 0;
        return async effort =>
        {
            if (_runs.Count == run)
            {
                _runs.Add(await measure(effort));
            }

            return Statistics.Percentile(_runs[run++], share);
        };
    }
}
