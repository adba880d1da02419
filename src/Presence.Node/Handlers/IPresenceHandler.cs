using Presence.Tracker;

namespace Presence.Node;

/// <summary>Sees the changes of a whole tracker on one member: the counterpart of Phoenix.Tracker's callbacks.</summary>
/// <remarks>
/// Calls come one at a time and in order, on a queue of the handler's own: a slow handler delays nobody, and while it lags,
/// its diffs are coalesced so that applying them still gives what <see cref="IPresenceTracker.List"/> shows. An exception is
/// logged and counted; the handler keeps receiving.
/// </remarks>
public interface IPresenceHandler
{
    /// <summary>Called once, before any diff. An exception fails <see cref="IPresenceTracker.AddHandlerAsync"/>.</summary>
    ValueTask InitAsync(PresenceHandlerContext context, CancellationToken cancellation) => default;

    /// <summary>Joins, updates and leaves. The first diff holds everybody who was present when the handler was added.</summary>
    ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation);

    /// <summary>A message that somebody sent with <see cref="PresenceHandlerContext.Send"/>, in order with the diffs.</summary>
    ValueTask HandleInfoAsync(object message, CancellationToken cancellation) => default;
}

/// <summary>What a handler is given at its start.</summary>
/// <param name="Tracker">The tracker it handles.</param>
/// <param name="NodeName">Name of this member.</param>
/// <param name="Send">Puts a message into the handler's own queue; false if the queue is full and it was dropped.</param>
public sealed record PresenceHandlerContext(IPresenceTracker Tracker, string NodeName, Func<object, bool> Send);
