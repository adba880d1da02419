using Microsoft.Extensions.Logging.Abstractions;
using Presence.Harness.Conformance;
using Presence.Node;

namespace Presence.Postgres.Tests.Support;

/// <summary>Members over one schema of the database.</summary>
internal sealed class PostgresEngine(Database database, Action<PresencePostgresOptions>? configure = null) : LinkEngine
{
    private readonly List<PostgresSource> _sources = [];

    public override int MostFrameBytes => new PresencePostgresOptions().MaxFrameBytes;

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        foreach (var source in _sources)
        {
            await source.DisposeAsync();
        }

        await database.DisposeAsync();
    }

    public PostgresLink NewLink(string name)
    {
        var source = new PostgresSource(database.Options(configure), name);
        _sources.Add(source);
        return new PostgresLink(name, source, NullLogger<PostgresLink>.Instance);
    }

    protected override IClusterLink CreateLink(string name) => NewLink(name);

    protected override Task KillAsync(IClusterLink link) => ((PostgresLink)link).AbortAsync();
}
