using Presence.Tracker;

namespace Presence.Node.Handlers;

/// <summary>Receives all changes of a tracker from its shards.</summary>
internal interface IChangeSink
{
    /// <summary>Enqueues the changes of one step of a shard, which is locked meanwhile: do nothing else.</summary>
    void Post(PresenceChange[] changes);
}
