namespace Presence.Client;

/// <summary>A server rejected something, answered with an error, did not answer, or is gone.</summary>
public sealed class PhoenixException : Exception
{
    internal PhoenixException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
