namespace Presence.Node;

/// <summary>
/// Disconnects its clients when the node drains. Called in order of registration, after the leave frames were
/// acknowledged or timed out and before the host stops its servers.
/// </summary>
public interface IDrainParticipant
{
    /// <summary>Drains. An exception is logged, and the next participant runs.</summary>
    Task DrainAsync(CancellationToken cancellation);
}
