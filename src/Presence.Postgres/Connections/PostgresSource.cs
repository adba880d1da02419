using System.Net.Sockets;
using Npgsql;

namespace Presence.Postgres;

/// <summary>Where connections come from, and what their failures mean.</summary>
internal sealed class PostgresSource : IDisposable, IAsyncDisposable
{
    /// <summary>The oldest server whose notifications wake listeners of their own database alone.</summary>
    private static readonly Version Oldest = new(13, 0);

    private readonly NpgsqlDataSource _source;
    private readonly string _where;
    private readonly string _text;
    private readonly bool _isMultiHost;

    public PostgresSource(PresencePostgresOptions options, string user)
    {
        options.Validate();
        Options = options;
        var text = options.ReadConnectionString();
        _where = $"{text.Host}:{text.Port}, database {text.Database ?? text.Username}, user {text.Username}";
        // Names a session in pg_stat_activity, which takes 63 bytes.
        text.ApplicationName ??= $"presence {user}"[..Math.Min(63, 9 + user.Length)];
        var builder = new NpgsqlDataSourceBuilder(text.ConnectionString);
        _isMultiHost = text.Host!.Contains(',', StringComparison.Ordinal);
        _source = _isMultiHost
            ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.Primary)
            : builder.Build();
        _text = text.ConnectionString;
    }

    public PresencePostgresOptions Options { get; }

    /// <summary>A pooled connection, for one statement.</summary>
    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellation) => _source.OpenConnectionAsync(cancellation);

    /// <summary>A connection of its own, for a session that lasts: tried from time to time while it is silent, and never pooled.</summary>
    public async Task<NpgsqlConnection> OpenHeldAsync(CancellationToken cancellation)
    {
        var text = new NpgsqlConnectionStringBuilder(_text)
        {
            KeepAlive = (int)Math.Ceiling(Options.KeepAlive.TotalSeconds),
        };
        // What listens or has settings of its own must not go back to a pool. Several hosts cannot do without one: see CloseHeldAsync.
        text.Pooling = _isMultiHost;
        if (_isMultiHost)
        {
            text.TargetSessionAttributes = "primary";
        }

        var connection = new NpgsqlConnection(text.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellation).ConfigureAwait(false);
            if (connection.PostgreSqlVersion < Oldest)
            {
                throw new PresencePostgresException(
                    $"The PostgreSQL server at {_where} has version {connection.PostgreSqlVersion}; {Oldest.Major} is the oldest that works.");
            }

            return connection;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Ends the session of a held connection, on the server too.</summary>
    /// <param name="connection">Held.</param>
    /// <param name="after">What still uses it: if that goes on, the end comes after it, and nobody waits for it.</param>
    public static Task CloseHeldAsync(NpgsqlConnection connection, Task after)
    {
        if (after.IsCompleted)
        {
            return CloseHeldAsync(connection);
        }

        _ = LaterAsync();
        return Task.CompletedTask;

        async Task LaterAsync()
        {
            await after.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await CloseHeldAsync(connection).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task CloseHeldAsync(NpgsqlConnection connection)
    {
        NpgsqlConnection.ClearPool(connection);
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>What a failure means, and whether to wait may help.</summary>
    public (string Problem, bool IsLasting) Explain(Exception failure) => failure switch
    {
        PresencePostgresException e => (e.Message, true),
        PostgresException e => Explain(e),
        NpgsqlException { InnerException: SocketException e } => ($"no PostgreSQL server answers at {_where} ({e.Message})", false),
        NpgsqlException { InnerException: TimeoutException } or TimeoutException =>
            ($"the PostgreSQL server at {_where} does not answer in time", false),
        NpgsqlException e when e.Message.Contains("password", StringComparison.OrdinalIgnoreCase) =>
            ($"the PostgreSQL server at {_where} wants a password; ConnectionStrings:Presence has none", true),
        _ => ($"the connection to {_where} failed ({failure.GetBaseException().Message})", false),
    };

    public void Dispose() => _source.Dispose();

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private (string Problem, bool IsLasting) Explain(PostgresException e) => e.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            ($"the PostgreSQL server at {_where} refuses this user or password ({e.MessageText})", true),
        PostgresErrorCodes.InvalidCatalogName => ($"there is no such database at {_where} ({e.MessageText})", true),
        PostgresErrorCodes.InsufficientPrivilege => (
            $"the user lacks a right at {_where} ({e.MessageText}); create the schema and grant the rights as in the README of "
            + "Presence.Postgres", true),
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName => (
            $"the tables of schema {Options.Schema} are not at {_where} ({e.MessageText}); create them as in the README of "
            + "Presence.Postgres", true),
        PostgresErrorCodes.ReadOnlySqlTransaction => (
            $"the PostgreSQL server at {_where} takes no writes, as a standby does; ConnectionStrings:Presence must lead to the primary", false),
        _ => ($"the PostgreSQL server at {_where} refused: {e.MessageText} ({e.SqlState})", false),
    };
}
