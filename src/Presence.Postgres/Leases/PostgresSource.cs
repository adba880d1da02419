using System.Net.Sockets;
using Npgsql;

namespace Presence.Postgres.Leases;

internal sealed class PostgresSource : IDisposable, IAsyncDisposable
{
    private readonly NpgsqlDataSource _source;
    private readonly string _server;

    public PostgresSource(PresencePostgresOptions options, string user)
    {
        options.Validate();
        Options = options;
        var text = options.ReadConnectionString();
        _server = $"{text.Host}:{text.Port}, database {text.Database ?? text.Username}, user {text.Username}";
        // Shown in pg_stat_activity, at most 63 bytes.
        text.ApplicationName ??= $"presence {user}"[..Math.Min(63, 9 + user.Length)];
        var builder = new NpgsqlDataSourceBuilder(text.ConnectionString);
        _source = text.Host!.Contains(',', StringComparison.Ordinal)
            ? builder.BuildMultiHost().WithTargetSession(TargetSessionAttributes.Primary)
            : builder.Build();
    }

    public PresencePostgresOptions Options { get; }

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellation) =>
        _source.OpenConnectionAsync(cancellation);

    /// <summary>Returns the cause of a failure, without secrets.</summary>
    public string Explain(Exception failure) => failure switch
    {
        PostgresException e => Explain(e),
        NpgsqlException { InnerException: SocketException e } =>
            $"no PostgreSQL server answers at {_server} ({e.Message})",
        NpgsqlException { InnerException: TimeoutException } or TimeoutException =>
            $"the PostgreSQL server at {_server} does not answer in time",
        NpgsqlException e when e.Message.Contains("password", StringComparison.OrdinalIgnoreCase) =>
            $"the PostgreSQL server at {_server} requires a password; ConnectionStrings:Presence has none",
        _ => $"the connection to {_server} failed ({failure.GetBaseException().Message})",
    };

    public void Dispose() => _source.Dispose();

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    private string Explain(PostgresException e) => e.SqlState switch
    {
        PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification =>
            $"the PostgreSQL server at {_server} rejects this user or password ({e.MessageText})",
        PostgresErrorCodes.InvalidCatalogName => $"there is no such database at {_server} ({e.MessageText})",
        PostgresErrorCodes.InsufficientPrivilege =>
            $"the user lacks a privilege at {_server} ({e.MessageText}); see the README of Presence.Postgres",
        PostgresErrorCodes.UndefinedTable or PostgresErrorCodes.InvalidSchemaName =>
            $"schema {Options.Schema} has no table at {_server} ({e.MessageText}); see the README of Presence.Postgres",
        PostgresErrorCodes.ReadOnlySqlTransaction =>
            $"the PostgreSQL server at {_server} is read-only; ConnectionStrings:Presence must name the primary",
        _ => $"the PostgreSQL server at {_server} reports: {e.MessageText} ({e.SqlState})",
    };
}
