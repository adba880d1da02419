namespace Presence.Processes.Tests.Chaos;

/// <summary>Writes the course of a chaos run to a file as it happens, for the analysis of failures.</summary>
internal sealed class ChaosReport : IAsyncDisposable
{
    private readonly StreamWriter _file;
    private readonly ITestOutputHelper _output;
    private readonly List<Excuse> _excuses = [];
    private readonly List<string> _findings = [];
    private readonly Dictionary<string, List<double>> _agreed = new(StringComparer.Ordinal);
    private IReadOnlyList<FaultInjection> _faults = [];

    public ChaosReport(int seed, IReadOnlyList<string> missing, ITestOutputHelper output)
    {
        _output = output;
        _file = new StreamWriter(
            Path.Combine(HostFiles.Results, $"{DateTime.UtcNow:HHmmss}-chaos.txt"))
        { AutoFlush = true };
        WriteLine($"seed {seed}");
        foreach (var item in missing)
        {
            WriteLine($"without: {item}");
        }
    }

    /// <summary>The findings of all checks; the run continues after a finding.</summary>
    public IReadOnlyList<string> Findings => _findings;

    public void WriteLine(string line)
    {
        _file.WriteLine(line);
        _output.WriteLine(line);
    }

    public void Begin(IReadOnlyList<FaultInjection> faults, TimeSpan at)
    {
        _faults = faults;
        WriteLine($"{at.TotalSeconds,7:0.0}  {string.Join(" and ", faults)}");
    }

    public void Excuse(Excuse excuse) => _excuses.Add(excuse);

    /// <param name="took">Time from the end of the fault until every client saw exactly the present users.</param>
    /// <param name="counted">Time until every node counted the same.</param>
    public void Agreed(TimeSpan took, TimeSpan counted, IReadOnlyList<HistoryEvent> events)
    {
        var name = string.Join(" and ", _faults.Select(fault => fault.Name).Order());
        if (!_agreed.TryGetValue(name, out var times))
        {
            _agreed[name] = times = [];
        }

        times.Add(took.TotalSeconds);
        WriteLine($"         agreed after {took.TotalSeconds:0.0} s, counted after {counted.TotalSeconds:0.0} s");
        Find(HistoryChecker.Check(events, _excuses).Select(finding => finding.ToString()));
    }

    public void Find(IEnumerable<string> found)
    {
        foreach (var finding in found.Except(_findings).ToList())
        {
            _findings.Add(finding);
            WriteLine($"         FOUND {finding}");
        }
    }

    public void Conclude(TimeSpan length, Crowd crowd, IReadOnlyList<HistoryEvent> events)
    {
        foreach (var (name, times) in _agreed.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            var (mean, max) = (times.Average(), times.Max());
            WriteLine($"{times.Count,4} x {name}: agreed after {mean:0.0} s on average, {max:0.0} s at most");
        }

        WriteLine($"{length.TotalMinutes:0.0} min, {crowd.People.Count} users, "
            + $"{_agreed.Values.Sum(times => times.Count)} rounds of faults, "
            + $"{events.OfType<Joined>().Count()} joins, {crowd.Acts} actions, "
            + $"{events.Count(seen => seen is SawDiff or SawState)} messages seen, {_findings.Count} findings");
    }

    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
