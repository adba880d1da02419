namespace Presence.Postgres;

/// <summary>A database failure; the message gives the cause and the remedy, and holds no secrets.</summary>
public sealed class PresencePostgresException : Exception
{
    internal PresencePostgresException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
