using Presence.Tracker;

namespace Presence.Node;

/// <summary>Handles the changes of a whole tracker on one node, as the callbacks of Phoenix.Tracker do.</summary>
/// <remarks>
/// Each handler has its own queue and is called in order, one call at a time: a slow handler delays no other. While it
/// lags, its diffs are coalesced; applying them still yields the state of <see cref="IPresenceTracker.List"/>. An
/// exception is logged and counted, and the handler keeps receiving.
/// </remarks>
public interface IPresenceHandler
{
    /// <summary>Runs once, before diffs. An exception fails <see cref="IPresenceTracker.AddHandlerAsync"/>.</summary>
    ValueTask InitAsync(PresenceHandlerContext context, CancellationToken cancellation) => default;

    /// <summary>Handles joins, updates and leaves. The first diff joins all presences that exist already.</summary>
    ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation);

    /// <summary>Handles a message from <see cref="PresenceHandlerContext.Send"/>, in order with the diffs.</summary>
    ValueTask HandleInfoAsync(object message, CancellationToken cancellation) => default;
}

/// <summary>The context of a handler.</summary>
/// <param name="Tracker">The tracker it handles.</param>
/// <param name="NodeName">Name of this node.</param>
/// <param name="Send">Enqueues a message for the handler; returns false if the queue is full and rejected it.</param>
public sealed record PresenceHandlerContext(IPresenceTracker Tracker, string NodeName, Func<object, bool> Send);
