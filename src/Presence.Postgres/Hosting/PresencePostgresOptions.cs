using System.Text.RegularExpressions;
using Npgsql;

namespace Presence.Postgres;

/// <summary>Options of the lease store (section <c>Presence:Postgres</c>).</summary>
public sealed partial class PresencePostgresOptions
{
    /// <summary>Gets or sets the Npgsql connection string, as in <c>ConnectionStrings:Presence</c>.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// Gets or sets the schema of the tables, one per application. Default <c>presence</c>; at most 40 lower-case
    /// letters, digits or underscores.
    /// </summary>
    public string Schema { get; set; } = "presence";

    /// <summary>
    /// Gets or sets whether the tables are created when first needed. Default true. With false, run
    /// <see cref="PresencePostgresSchema.Script"/> as their owner first.
    /// </summary>
    public bool CreateSchema { get; set; } = true;

    /// <summary>
    /// Gets or sets the timeout of a statement or connection attempt. Default 4 s, 1 s to 15 min.
    /// </summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// Gets or sets how often a standby without silos polls for released leases. Default 1 s, 100 ms to 24 days. On
    /// silos a grain notifies the standbys instead.
    /// </summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <exception cref="PresencePostgresException">
    /// A value breaks a rule; the message names option and rule.
    /// </exception>
    internal void Validate()
    {
        Require(
            SchemaName().IsMatch(Schema ?? ""),
            nameof(Schema),
            Schema,
            "must be 1 to 40 lower-case letters, digits or underscores, the first no digit");
        // Npgsql accepts up to 1024 s for an attempt to connect.
        var isTimeout = CommandTimeout >= TimeSpan.FromSeconds(1) && CommandTimeout <= TimeSpan.FromMinutes(15);
        Require(isTimeout, nameof(CommandTimeout), CommandTimeout, "must be 1 s to 15 min");
        var isPollable = PollInterval >= TimeSpan.FromMilliseconds(100) && PollInterval <= TimeSpan.FromDays(24);
        Require(isPollable, nameof(PollInterval), PollInterval, "must be 100 ms to 24 days");
        ReadConnectionString();
    }

    /// <summary>Returns the connection string with the settings of this library.</summary>
    internal NpgsqlConnectionStringBuilder ReadConnectionString()
    {
        if (string.IsNullOrWhiteSpace(ConnectionString))
        {
            throw new PresencePostgresException(
                "ConnectionStrings:Presence is not set: the lease store needs a connection string such as "
                + "Host=127.0.0.1;Database=presence;Username=presence;Password=...");
        }

        NpgsqlConnectionStringBuilder builder;
        try
        {
            builder = new NpgsqlConnectionStringBuilder(ConnectionString);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            // The parser's message names the keyword and never the string, which may hold a password.
            throw new PresencePostgresException($"ConnectionStrings:Presence cannot be read: {e.Message}");
        }

        Require(!string.IsNullOrEmpty(builder.Host), "Host", builder.Host, "must be in ConnectionStrings:Presence");
        var seconds = (int)Math.Ceiling(CommandTimeout.TotalSeconds);
        builder.CommandTimeout = seconds;
        builder.Timeout = seconds;
        builder.CancellationTimeout = 1000;
        // Connections hold no state that a reset, which is one more statement, would clear.
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
