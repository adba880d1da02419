using System.Diagnostics.Metrics;

namespace Presence.Grains.Client;

/// <summary>What a client counts: presences tracked again, readers that had to catch up.</summary>
internal sealed class ClientInstruments : IDisposable
{
    private readonly Meter _meter = new("Presence.Grains");
    private readonly Counter<long> _again;
    private readonly Counter<long> _caughtUp;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _failures;
    private long _catchUps;

    public ClientInstruments()
    {
        _again = _meter.CreateCounter<long>(
            "presence.client.tracked_again", "{presence}", "Presences of this client that were lost and tracked again.");
        _caughtUp = _meter.CreateCounter<long>(
            "presence.client.catch_ups", "{catch_up}", "Times a watch had missed something and listed its topic again.");
        _dropped = _meter.CreateCounter<long>(
            "presence.client.dropped", "{batch}", "Batches dropped because a watch's handler is slow; it catches up.");
        _failures = _meter.CreateCounter<long>(
            "presence.client.handler_failures", "{failure}", "Exceptions thrown by handlers of watches.");
    }

    /// <summary>Catch-ups so far, the first list of a watch not counted.</summary>
    public long CatchUps => Volatile.Read(ref _catchUps);

    public void TrackedAgain() => _again.Add(1);

    public void CaughtUp()
    {
        Interlocked.Increment(ref _catchUps);
        _caughtUp.Add(1);
    }

    public void Dropped() => _dropped.Add(1);

    public void HandlerFailed() => _failures.Add(1);

    public void Dispose() => _meter.Dispose();
}
