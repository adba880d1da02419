namespace Presence.Client;

/// <summary>A server did not do what it was asked: refused, answered with an error, gave no answer, or is gone.</summary>
internal sealed class PhoenixException(string message, Exception? inner = null) : Exception(message, inner);
