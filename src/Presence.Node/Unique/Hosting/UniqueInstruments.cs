using System.Diagnostics.Metrics;

namespace Presence.Node;

/// <summary>The meter <c>Presence.Unique</c>: what an operator watches of unique processes.</summary>
internal sealed class UniqueInstruments : IDisposable
{
    private readonly Meter _meter = new("Presence.Unique");
    private readonly Counter<long> _starts;
    private readonly Counter<long> _stops;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _abandoned;
    private int _running;

    public UniqueInstruments()
    {
        _starts = _meter.CreateCounter<long>("presence.unique.starts", "{start}", "Unique processes started on this member");
        _stops = _meter.CreateCounter<long>("presence.unique.stops", "{stop}", "Unique processes asked to stop here, by reason");
        _failures = _meter.CreateCounter<long>("presence.unique.failures", "{failure}", "Unique processes that ended with an exception");
        _abandoned = _meter.CreateCounter<long>("presence.unique.abandoned", "{process}", "Unique processes that did not end when asked");
        _meter.CreateObservableGauge("presence.unique.running", () => Volatile.Read(ref _running), "{process}", "Unique processes that run here");
    }

    public void Started()
    {
        _starts.Add(1);
        Interlocked.Increment(ref _running);
    }

    public void Stopping(UniqueStopReason reason) => _stops.Add(1, new KeyValuePair<string, object?>("reason", reason.ToString()));

    public void Ended() => Interlocked.Decrement(ref _running);

    public void Failed() => _failures.Add(1);

    public void Abandoned() => _abandoned.Add(1);

    public void Dispose() => _meter.Dispose();
}
