namespace Presence.Node.Tests.Support;

internal static class Timeouts
{
    /// <summary>Long enough for a busy machine.</summary>
    public static readonly TimeSpan TestTimeout = TimeSpan.FromSeconds(60);
}
