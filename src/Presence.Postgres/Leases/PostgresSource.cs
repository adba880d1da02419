using System.Net.Sockets;
using Npgsql;

namespace Presence.Postgres;

/// <summary>Where connections come from, and what their failures mean.</summary>
internal sealed class PostgresSource : IDisposable, IAsyncDisposable
{
    private readonly NpgsqlDataSource _source;
    private readonly string _where;

    public PostgresSource(PresencePostgresOptions options, string user)
    {
        options.Validate();
        Options = options;
        var text = options.ReadConnectionString();
        _where = $"{text.Host}:{text.Port}, database {text.Database ?? text.Username}, user {text.Username}";
        // Names a session in pg_stat_activity, which takes 63 bytes.
        text.ApplicationName ??= $"presence {user}"[..Math.Min(63, 9 + user.Length)];
        var builder = new NpgsqlDataSourceBuilder(text.ConnectionString);
        _source = text.Host!.Contains(',', StringComparison.Ordinal)
            ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.Primary)
            : builder.Build();
    }

    public PresencePostgresOptions Options { get; }

    /// <summary>A pooled connection, for one statement.</summary>
    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellation) => _source.OpenConnectionAsync(cancellation);

    /// <summary>Returns what a failure means, without secrets.</summary>
    public string Explain(Exception failure) => failure switch
    {
        PostgresException e => Explain(e),
        NpgsqlException { InnerException: SocketException e } => $"no PostgreSQL server answers at {_where} ({e.Message})",
        NpgsqlException { InnerException: TimeoutException } or TimeoutException =>
            $"the PostgreSQL server at {_where} does not answer in time",
        NpgsqlException e when e.Message.Contains("password", StringComparison.OrdinalIgnoreCase) =>
            $"the PostgreSQL server at {_where} wants a password; ConnectionStrings:Presence has none",
        _ => $"the connection to {_where} failed ({failure.GetBaseException().Message})",
    };

    public void Dispose() => _source.Dispose();

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private string Explain(PostgresException e) => e.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            $"the PostgreSQL server at {_where} rejects this user or password ({e.MessageText})",
        PostgresErrorCodes.InvalidCatalogName => $"there is no such database at {_where} ({e.MessageText})",
        PostgresErrorCodes.InsufficientPrivilege =>
            $"the user lacks a right at {_where} ({e.MessageText}); create the schema and grant the rights as in the README of Presence.Postgres",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName =>
            $"the tables of schema {Options.Schema} are not at {_where} ({e.MessageText}); create them as in the README of Presence.Postgres",
        PostgresErrorCodes.ReadOnlySqlTransaction =>
            $"the PostgreSQL server at {_where} takes no writes, as a standby does; ConnectionStrings:Presence must lead to the primary",
        _ => $"the PostgreSQL server at {_where} reports: {e.MessageText} ({e.SqlState})",
    };
}
