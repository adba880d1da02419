namespace Presence.Postgres;

/// <summary>The database cannot be used as configured; the message says why and what to do, and holds no secrets.</summary>
public sealed class PresencePostgresException : Exception
{
    /// <summary>Says what is wrong.</summary>
    public PresencePostgresException(string message)
        : base(message)
    {
    }

    /// <summary>Says what is wrong, and what told us.</summary>
    public PresencePostgresException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
