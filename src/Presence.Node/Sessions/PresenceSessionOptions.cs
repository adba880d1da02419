using Presence.Tracker;
using Presence.Tracker.Sessions;

namespace Presence.Node;

/// <summary>Options of a session.</summary>
public sealed record PresenceSessionOptions
{
    /// <summary>Gets the maximum of <see cref="Grace"/>: 24 h.</summary>
    public static TimeSpan MaxGrace => SessionStamp.MaxGrace;

    /// <summary>Gets the label for logs and the dashboard; null for none.</summary>
    public string? Label { get; init; }

    /// <summary>
    /// Gets how long the session keeps its presences while it is detached. Default 0: it cannot be detached or resumed,
    /// and its presences carry nothing for it. At most <see cref="MaxGrace"/>.
    /// </summary>
    public TimeSpan Grace { get; init; }

    /// <summary>
    /// Gets what is called once if the session ends in another way than by its <see cref="PresenceSession.End()"/>:
    /// with <see cref="LeaveReason.Superseded"/> when it was resumed elsewhere or by another connection, with
    /// <see cref="LeaveReason.GraceExpired"/> when nobody resumed it. Runs on the thread pool; an exception is logged.
    /// </summary>
    public Action<PresenceSession, LeaveReason>? OnEnded { get; init; }

    /// <summary>
    /// Gets what receives the messages of <see cref="IPresenceTracker.SendToKeyAsync"/> and returns whether it accepted
    /// them. It may be called by any thread, several at a time, and must only enqueue. Default: none are accepted.
    /// </summary>
    public Func<SessionMessage, bool>? OnMessage { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">The grace is out of range.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Grace, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Grace, MaxGrace);
    }
}
