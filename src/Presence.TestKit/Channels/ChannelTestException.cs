namespace Presence.TestKit;

/// <summary>A failed assertion about a channel; the message describes what happened instead.</summary>
public sealed class ChannelTestException : Exception
{
    /// <summary>Creates the exception.</summary>
    public ChannelTestException(string message)
        : base(message)
    {
    }
}
