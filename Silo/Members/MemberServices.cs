using Presence.Channels;
using Presence.Dashboard;
using Presence.Node;
using Presence.Postgres;

namespace Presence.Silo;

/// <summary>What one member is made of.</summary>
internal static class MemberServices
{
    public static void Add(IServiceCollection services, SiloRun run, string name)
    {
        services.AddSingleton(run.Keys.Provider);
        services.AddSingleton(run);
        SiloOptions.AddTo(services);
        services.AddProblemDetails();
        services.AddHealthChecks().AddCheck<MemberHealth>("member");
        // Hosted services stop in the reverse of this order: the wait for the others comes before the farewell.
        services.AddPresence(presence => presence.NodeName = name);
        services.AddSingleton<IHostedService, DrainTogether>();
        if (run.Options.Database is { } database)
        {
            // Leases of unique processes; no connection is opened before one is asked for.
            services.AddPostgresLeases(database);
        }

        services.AddChannels(channels => channels.AddHelloSockets());
        services.AddShop();
        services.AddPresenceAdmin(admin => admin.Password = run.Options.Admin.Password);
    }
}
