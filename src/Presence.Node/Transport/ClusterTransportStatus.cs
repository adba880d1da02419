namespace Presence.Node;

/// <summary>Whether a node can exchange frames with other nodes.</summary>
/// <param name="IsConnected">
/// False while the transport is disconnected. The node then serves reads and tracks local presences; remote changes
/// arrive after the reconnection.
/// </param>
/// <param name="Since">Time of the last change of <paramref name="IsConnected"/>; null if there was none.</param>
/// <param name="LastError">Why it is disconnected; holds no secrets. Null while it is connected.</param>
/// <param name="AcceptedFrames">
/// Number of frames the transport has accepted, for a transport that can hang before it detects a disconnection; null
/// if it does not count. A probe during which this did not rise proves nothing.
/// </param>
public sealed record ClusterTransportStatus(
    bool IsConnected, DateTimeOffset? Since = null, string? LastError = null, long? AcceptedFrames = null)
{
    /// <summary>Gets the status of a transport that cannot be disconnected.</summary>
    public static ClusterTransportStatus AlwaysConnected { get; } = new(true);
}
