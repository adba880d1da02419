namespace Presence.Node.Tests.Support;

internal static class Timeouts
{
    /// <summary>What has not come by then does not come, even on a busy machine.</summary>
    public static readonly TimeSpan TestTimeout = TimeSpan.FromSeconds(60);
}
