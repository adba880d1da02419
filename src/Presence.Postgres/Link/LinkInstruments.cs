using System.Diagnostics.Metrics;

namespace Presence.Postgres;

/// <summary>The meter <c>Presence.Postgres</c>: what the link carries, drops and costs.</summary>
internal sealed class LinkInstruments : IDisposable
{
    private readonly Counter<long> _dropped;
    private readonly Counter<long> _notifications;
    private readonly Counter<long> _stored;
    private readonly Counter<long> _statements;
    private readonly Counter<long> _losses;
    private long _droppedInAll;

    private double _queueUsage;

    public LinkInstruments(Func<bool> isConnected, Func<int> waiting)
    {
        _dropped = Meter.CreateCounter<long>(
            "presence.frames.dropped", "{frame}", "Frames that were not carried, by reason; the tracker repairs what they held");
        _notifications = Meter.CreateCounter<long>(
            "presence.postgres.notifications", "{notification}", "Notifications, by direction");
        _stored = Meter.CreateCounter<long>(
            "presence.postgres.stored", "By", "Bytes of frames that went through the table because a notification cannot hold them");
        _statements = Meter.CreateCounter<long>("presence.postgres.statements", "{statement}", "Statements sent to the database");
        _losses = Meter.CreateCounter<long>("presence.postgres.losses", "{loss}", "Times the database was lost");
        Meter.CreateObservableGauge(
            "presence.postgres.connected", () => isConnected() ? 1 : 0, "{connection}", "1 while the database is reached, else 0");
        Meter.CreateObservableGauge(
            "presence.postgres.queue",
            () => QueueUsage,
            "1",
            "Share of the server's queue of notifications that is full; when it is all full, every frame of every member is refused");
        Meter.CreateObservableGauge("presence.postgres.outbox", waiting, "{frame}", "Frames that wait to be sent");
    }

    public Meter Meter { get; } = new("Presence.Postgres");

    /// <summary>How full the server's queue of notifications was at the last look, 0 to 1.</summary>
    public double QueueUsage
    {
        get => Volatile.Read(ref _queueUsage);
        set => Volatile.Write(ref _queueUsage, value);
    }

    /// <summary>Frames dropped since the start, for the log of a return.</summary>
    public long DroppedInAll => Interlocked.Read(ref _droppedInAll);

    public void Dropped(string reason, int frames = 1)
    {
        Interlocked.Add(ref _droppedInAll, frames);
        _dropped.Add(frames, new KeyValuePair<string, object?>("reason", reason));
    }

    public void Sent(int notifications) => _notifications.Add(notifications, new KeyValuePair<string, object?>("direction", "out"));

    public void Received() => _notifications.Add(1, new KeyValuePair<string, object?>("direction", "in"));

    public void Stored(long bytes) => _stored.Add(bytes);

    public void Executed(int statements = 1) => _statements.Add(statements);

    public void Lost() => _losses.Add(1);

    public void Dispose() => Meter.Dispose();
}
