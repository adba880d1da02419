namespace Presence.TestKit;

/// <summary>What a test expected of a channel did not happen; the message says what did.</summary>
public sealed class ChannelTestException : Exception
{
    /// <summary>Made by the test kit.</summary>
    public ChannelTestException(string message)
        : base(message)
    {
    }
}
