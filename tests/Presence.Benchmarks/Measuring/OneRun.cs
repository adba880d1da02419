namespace Presence.Benchmarks.Measuring;

/// <summary>Samples shared by several rows; each run is made once, by the first row that needs it.</summary>
internal sealed class OneRun(Func<Effort, Task<IReadOnlyList<double>>> measure)
{
    private readonly List<IReadOnlyList<double>> _runs = [];

    /// <summary>Returns a measurement of one percentile of each run in turn.</summary>
    public Func<Effort, Task<double>> Percentile(double share) =>
        Of(values => Statistics.Percentile(values, share));

    /// <summary>Returns a measurement of one value of each run in turn.</summary>
    public Func<Effort, Task<double>> Value(int index) => Of(values => values[index]);

    private Func<Effort, Task<double>> Of(Func<IReadOnlyList<double>, double> read)
    {
        var run = 0;
        return async effort =>
        {
            if (_runs.Count == run)
            {
                _runs.Add(await measure(effort));
            }

            return read(_runs[run++]);
        };
    }
}
