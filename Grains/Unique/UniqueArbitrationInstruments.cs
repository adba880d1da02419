using System.Diagnostics.Metrics;

namespace Presence.Grains.Unique;

/// <summary>What arbitration by grain adds to the meter <c>Presence.Unique</c>.</summary>
internal sealed class UniqueArbitrationInstruments : IDisposable
{
    private readonly Meter _meter = new("Presence.Unique");
    private readonly Counter<long> _grants;
    private readonly Counter<long> _conflicts;
    private readonly Counter<long> _failures;
    private int _arbitrated;

    public UniqueArbitrationInstruments()
    {
        _grants = _meter.CreateCounter<long>("presence.unique.grants", "{grant}", "Terms and leases that the grains of this silo gave");
        _conflicts = _meter.CreateCounter<long>("presence.unique.conflicts", "{conflict}", "Times a process was found to run twice");
        _failures = _meter.CreateCounter<long>("presence.unique.arbiter.failures", "{call}", "Calls to an arbitrating grain that failed");
        _meter.CreateObservableGauge(
            "presence.unique.arbitrated", () => Volatile.Read(ref _arbitrated), "{process}", "Unique processes that this silo arbitrates");
    }

    public void Began() => Interlocked.Increment(ref _arbitrated);

    public void Ended() => Interlocked.Decrement(ref _arbitrated);

    public void Granted(int times) => _grants.Add(times);

    public void Conflicted(int times) => _conflicts.Add(times);

    public void Failed() => _failures.Add(1);

    public void Dispose() => _meter.Dispose();
}
