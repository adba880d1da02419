namespace Presence.Processes.Tests.Storms;

/// <summary>What happened in a storm, written down as it goes: who looks into a failure needs the way to it.</summary>
internal sealed class StormReport : IAsyncDisposable
{
    private readonly StreamWriter _file;
    private readonly ITestOutputHelper _output;
    private readonly List<Excuse> _excuses = [];
    private readonly List<string> _findings = [];
    private readonly Dictionary<string, List<double>> _agreed = new(StringComparer.Ordinal);
    private IReadOnlyList<Strike> _strikes = [];

    public StormReport(int seed, IReadOnlyList<string> lacks, ITestOutputHelper output)
    {
        _output = output;
        _file = new StreamWriter(Path.Combine(HostFiles.Results, $"{DateTime.UtcNow:HHmmss}-storm.txt")) { AutoFlush = true };
        Say($"seed {seed}");
        foreach (var lack in lacks)
        {
            Say($"without: {lack}");
        }
    }

    /// <summary>Of all checks; a storm goes on after a finding, for what else it may show.</summary>
    public IReadOnlyList<string> Findings => _findings;

    public void Say(string line)
    {
        _file.WriteLine(line);
        _output.WriteLine(line);
    }

    public void Begin(IReadOnlyList<Strike> strikes, TimeSpan at)
    {
        _strikes = strikes;
        Say($"{at.TotalSeconds,7:0.0}  {string.Join(" and ", strikes)}");
    }

    public void Excuse(Excuse excuse) => _excuses.Add(excuse);

    /// <param name="took">From the end of the fault until everybody was shown who is there.</param>
    /// <param name="counted">Until every member counted the same.</param>
    public void Agreed(TimeSpan took, TimeSpan counted, IReadOnlyList<HistoryEvent> events)
    {
        var name = string.Join(" and ", _strikes.Select(strike => strike.Name).Order());
        if (!_agreed.TryGetValue(name, out var times))
        {
            _agreed[name] = times = [];
        }

        times.Add(took.TotalSeconds);
        Say($"         agreed after {took.TotalSeconds:0.0} s, counted after {counted.TotalSeconds:0.0} s");
        var found = HistoryChecker.Check(events, _excuses).Select(finding => finding.ToString());
        foreach (var finding in found.Except(_findings).ToList())
        {
            _findings.Add(finding);
            Say($"         FOUND {finding}");
        }
    }

    public void Conclude(TimeSpan length, Crowd crowd, IReadOnlyList<HistoryEvent> events)
    {
        foreach (var (name, times) in _agreed.OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            Say($"{times.Count,4} x {name}: agreed after {times.Average():0.0} s on average, {times.Max():0.0} s at most");
        }

        Say($"{length.TotalMinutes:0.0} min, {crowd.People.Count} people, "
            + $"{_agreed.Values.Sum(times => times.Count)} rounds of faults, "
            + $"{events.OfType<Joined>().Count()} joins, {crowd.Acts} acts, "
            + $"{events.Count(seen => seen is SawDiff or SawState)} messages seen, {_findings.Count} findings");
    }

    public ValueTask DisposeAsync() => _file.DisposeAsync();
}
