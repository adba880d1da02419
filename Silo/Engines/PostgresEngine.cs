using Presence.Postgres;

namespace Presence.Silo;

/// <summary>Members joined by a PostgreSQL database, of this process and of others.</summary>
internal sealed class PostgresEngine : Engine
{
    private readonly SiloOptions _options;

    /// <exception cref="SiloStartException">There is no connection string, or an option breaks a rule.</exception>
    public PostgresEngine(SiloOptions options)
    {
        _options = options;
        var settings = new PresencePostgresOptions { ConnectionString = options.Database ?? "" };
        options.Postgres.CopyTo(settings);
        try
        {
            settings.Validate();
        }
        catch (PresencePostgresException e)
        {
            throw new SiloStartException($"Presence:Engine is 'postgres': {e.Message}");
        }
    }

    public override string Name => "postgres";

    public override void AddTo(WebApplicationBuilder builder, MemberPlace place) =>
        builder.Services.UsePostgres(_options.Database!, _options.Postgres.CopyTo);
}
