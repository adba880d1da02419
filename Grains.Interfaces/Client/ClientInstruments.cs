using System.Diagnostics.Metrics;
using Presence.Node;

namespace Presence.Grains.Client;

/// <summary>Metrics of a presence client.</summary>
internal sealed class ClientInstruments : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _trackedAgain;
    private readonly Counter<long> _caughtUp;
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _failures;
    private long _catchUps;

    public ClientInstruments(IMeterFactory? meters = null)
    {
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.GrainsMeterName);
        _trackedAgain = _meter.CreateCounter<long>(
            "presence.client.tracked_again", "{presence}", "Presences tracked again after a lost lease or silo.");
        _caughtUp = _meter.CreateCounter<long>(
            "presence.client.catch_ups", "{catch_up}", "Times a subscription had missed something.");
        _dropped = _meter.CreateCounter<long>(
            "presence.client.dropped", "{batch}", "Batches dropped because a subscription's handler is slow.");
        _failures = _meter.CreateCounter<long>(
            "presence.client.handler_failures", "{failure}", "Exceptions thrown by handlers of subscriptions.");
    }

    /// <summary>Gets the number of catch-ups so far, without the first list of a subscription.</summary>
    public long CatchUps => Volatile.Read(ref _catchUps);

    public void TrackedAgain() => _trackedAgain.Add(1);

    public void CaughtUp(bool sinceCursor)
    {
        Interlocked.Increment(ref _catchUps);
        _caughtUp.Add(1, new KeyValuePair<string, object?>("by", sinceCursor ? "cursor" : "list"));
    }

    public void Dropped() => _dropped.Add(1);

    public void HandlerFailed() => _failures.Add(1);

    public void Dispose() => _meter.Dispose();
}
