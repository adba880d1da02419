namespace Presence.Tracker;

/// <summary>
/// A mistake planted on purpose, which the simulation must notice: for those that cannot be made from outside of the shard.
/// </summary>
internal enum ShardDefect
{
    /// <summary>As it should be.</summary>
    None,

    /// <summary>A removal consumes no sequence number, so that no context shows that it is missing.</summary>
    RemovalWithoutTick,

    /// <summary>When the newest version of an entry ends, an older one that is not known to be dead is shown again.</summary>
    FallsBackToAnOlderVersion,
}
