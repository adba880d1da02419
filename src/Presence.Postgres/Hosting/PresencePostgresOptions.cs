using System.Text.RegularExpressions;
using Npgsql;

namespace Presence.Postgres;

/// <summary>Where the leases of unique processes are kept (<c>Presence:Postgres</c>).</summary>
public sealed partial class PresencePostgresOptions
{
    /// <summary>Npgsql connection string, as <c>ConnectionStrings:Presence</c>.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// Schema of the tables; two applications in one database need one each. Default <c>presence</c>; at most 40 lower-case letters, digits
    /// or underscores.
    /// </summary>
    public string Schema { get; set; } = "presence";

    /// <summary>
    /// Whether the tables are created when they are first needed. Default true. With false, run
    /// <see cref="PresencePostgresSchema.Script"/> as their owner first.
    /// </summary>
    public bool CreateSchema { get; set; } = true;

    /// <summary>How long one statement or one attempt to connect may take before it is given up. Default 4 s.</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(4);

    /// <summary>
    /// How often a node that stands by without a silo looks whether a lease was released. Default 1 s, at least 100 ms. On silos a grain
    /// tells those that stand by, and nothing is polled.
    /// </summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Checks all values.</summary>
    /// <exception cref="PresencePostgresException">A value breaks a rule; the message names option, value and rule.</exception>
    public void Validate()
    {
        Require(SchemaName().IsMatch(Schema ?? ""), nameof(Schema), Schema, "must be 1 to 40 lower-case letters, digits or underscores, the first no digit");
        Require(CommandTimeout >= TimeSpan.FromSeconds(1), nameof(CommandTimeout), CommandTimeout, "must be at least 1 s");
        Require(PollInterval >= TimeSpan.FromMilliseconds(100), nameof(PollInterval), PollInterval, "must be at least 100 ms");
        ReadConnectionString();
    }

    /// <summary>The connection string with what this library decides put in where the user said nothing.</summary>
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
