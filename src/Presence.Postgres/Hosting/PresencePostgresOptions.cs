using System.Text.RegularExpressions;
using Npgsql;

namespace Presence.Postgres;

/// <summary>How members reach each other, and their leases, through a PostgreSQL database.</summary>
public sealed partial class PresencePostgresOptions
{
    /// <summary>
    /// Npgsql connection string, as <c>ConnectionStrings:Presence</c>. It must lead to the server itself or to a pooler
    /// that keeps sessions: LISTEN does not pass a pooler in transaction mode.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// Schema of the tables, and what tells one cluster from another in the same database. Default <c>presence</c>; at
    /// most 40 lower-case letters, digits or underscores.
    /// </summary>
    public string Schema { get; set; } = "presence";

    /// <summary>
    /// Whether a starting member creates or upgrades the tables. Default true. With false, run
    /// <see cref="PresencePostgresSchema.Script"/> as their owner first.
    /// </summary>
    public bool CreateSchema { get; set; } = true;

    /// <summary>
    /// Frames that may wait to be sent. Default 65,536. When full, new frames are dropped and counted
    /// (<c>presence.frames.dropped</c>, reason <c>outbox_full</c>); the tracker repairs what they held.
    /// </summary>
    public int OutboxFrames { get; set; } = 65_536;

    /// <summary>Bytes of frames that may wait to be sent. Default 64 MiB; policy as for <see cref="OutboxFrames"/>.</summary>
    public long OutboxBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>
    /// Notifications that may wait to be taken by this member. Default 16,384 (of 6 kB at most). When full, new ones are
    /// dropped and counted (reason <c>inbox_full</c>).
    /// </summary>
    public int InboxCapacity { get; set; } = 16_384;

    /// <summary>Largest frame that is carried. Default 20 MiB. A larger one is dropped, counted (<c>too_large</c>) and logged.</summary>
    public int MaxFrameBytes { get; set; } = 20 * 1024 * 1024;

    /// <summary>
    /// How old a frame may be when it is sent, which matters while the database is away. Default 5 s. Older ones are
    /// dropped and counted (reason <c>expired</c>): by then repair is quicker.
    /// </summary>
    public TimeSpan MaxFrameAge { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a starting member waits for a database that cannot be reached, before it gives up. Default 15 s.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long one statement or one attempt to connect may take before the connection counts as lost. Default 4 s.</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// How often an idle listening connection is tried, so that a server that vanished without a word is noticed.
    /// Default 20 s, whole seconds.
    /// </summary>
    public TimeSpan KeepAlive { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>The longest pause between two attempts to reconnect; the first is a tenth of a second. Default 2 s.</summary>
    public TimeSpan MaxReconnectDelay { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How often a member renews its row, learns who else is connected, and sweeps. Default 60 s.</summary>
    public TimeSpan UpkeepPeriod { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Checks all values.</summary>
    /// <exception cref="PresencePostgresException">A value breaks a rule; the message names option, value and rule.</exception>
    public void Validate()
    {
        Require(SchemaName().IsMatch(Schema ?? ""), nameof(Schema), Schema, "must be 1 to 40 lower-case letters, digits or underscores, the first no digit");
        Require(OutboxFrames >= 16, nameof(OutboxFrames), OutboxFrames, "must be at least 16");
        Require(InboxCapacity >= 16, nameof(InboxCapacity), InboxCapacity, "must be at least 16");
        Require(MaxFrameBytes is >= 64 * 1024 and <= 256 * 1024 * 1024, nameof(MaxFrameBytes), MaxFrameBytes, "must be between 64 KiB and 256 MiB");
        Require(OutboxBytes >= MaxFrameBytes, nameof(OutboxBytes), OutboxBytes, $"must not be below {nameof(MaxFrameBytes)} ({MaxFrameBytes})");
        Require(MaxFrameAge > TimeSpan.Zero, nameof(MaxFrameAge), MaxFrameAge, "must be positive");
        Require(StartTimeout > TimeSpan.Zero, nameof(StartTimeout), StartTimeout, "must be positive");
        Require(CommandTimeout >= TimeSpan.FromSeconds(1), nameof(CommandTimeout), CommandTimeout, "must be at least 1 s");
        Require(KeepAlive >= TimeSpan.FromSeconds(1), nameof(KeepAlive), KeepAlive, "must be at least 1 s");
        Require(MaxReconnectDelay >= TimeSpan.FromMilliseconds(100), nameof(MaxReconnectDelay), MaxReconnectDelay, "must be at least 100 ms");
        Require(UpkeepPeriod >= TimeSpan.FromSeconds(1), nameof(UpkeepPeriod), UpkeepPeriod, "must be at least 1 s");
        ReadConnectionString();
    }

    /// <summary>The connection string with what this library decides put in where the user said nothing.</summary>
    internal NpgsqlConnectionStringBuilder ReadConnectionString()
    {
        if (string.IsNullOrWhiteSpace(ConnectionString))
        {
            throw new PresencePostgresException(
                "ConnectionStrings:Presence is not set: the engine postgres needs a connection string such as "
                + "Host=127.0.0.1;Database=presence;Username=presence;Password=...");
        }

        NpgsqlConnectionStringBuilder builder;
        try
        {
            builder = new NpgsqlConnectionStringBuilder(ConnectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            // The message of the parser names the keyword and never the string, which may hold a password.
            throw new PresencePostgresException($"ConnectionStrings:Presence cannot be read: {e.Message}");
        }

        Require(!string.IsNullOrEmpty(builder.Host), "Host", builder.Host, "must be given in ConnectionStrings:Presence");
        var seconds = (int)Math.Ceiling(CommandTimeout.TotalSeconds);
        builder.CommandTimeout = seconds;
        builder.Timeout = seconds;
        builder.CancellationTimeout = 1000;
        // Sessions hold no state that a next user could trip over, and the reset would be one more statement.
        builder.NoResetOnClose = true;
        builder.Enlist = false;
        return builder;
    }

    private static void Require(bool holds, string option, object? value, string rule)
    {
        if (!holds)
        {
            throw new PresencePostgresException($"Presence:Postgres:{option} is '{value}': it {rule}.");
        }
    }

    [GeneratedRegex("^[a-z_][a-z0-9_]{0,39}$")]
    private static partial Regex SchemaName();
}
