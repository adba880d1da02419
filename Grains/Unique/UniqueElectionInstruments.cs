using System.Diagnostics.Metrics;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Metrics of elections by grain, on the meter <c>Presence.Unique</c>.</summary>
internal sealed class UniqueElectionInstruments : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _grants;
    private readonly Counter<long> _conflicts;
    private readonly Counter<long> _failures;
    private int _elections;

    public UniqueElectionInstruments(IMeterFactory? meters = null)
    {
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.UniqueMeterName);
        _grants = _meter.CreateCounter<long>(
            "presence.unique.grants", "{grant}", "Terms and leases granted by this silo");
        _conflicts = _meter.CreateCounter<long>(
            "presence.unique.conflicts", "{conflict}", "Processes found to run twice");
        _failures = _meter.CreateCounter<long>("presence.unique.election.failures", "{call}", "Failed election calls");
        _meter.CreateObservableGauge(
            "presence.unique.elections", () => Volatile.Read(ref _elections), "{process}", "Elections on this silo");
    }

    public void ElectionStarted() => Interlocked.Increment(ref _elections);

    public void ElectionEnded() => Interlocked.Decrement(ref _elections);

    public void Granted(int times) => _grants.Add(times);

    public void Conflicted(int times) => _conflicts.Add(times);

    public void Failed() => _failures.Add(1);

    public void Dispose() => _meter.Dispose();
}
