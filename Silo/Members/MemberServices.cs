using Microsoft.AspNetCore.DataProtection;
using Presence.Channels;
using Presence.Dashboard;
using Presence.Node;
using Presence.Postgres;
using Presence.Tracker;

namespace Presence.Silo;

/// <summary>What one member is made of.</summary>
internal static class MemberServices
{
    public static void Add(IServiceCollection services, SiloRun run, string name)
    {
        services.AddSingleton(run.Keys.Provider);
        services.AddSingleton(run);
        services.AddProblemDetails();
        services.AddHealthChecks().AddCheck<MemberHealth>("member");
        // Hosted services stop in the reverse of this order: the wait for the others comes before the farewell.
        services.AddPresence(presence =>
        {
            presence.NodeName = name;
            Copy(run.Options.Tracker, presence.Tracker);
            Copy(run.Options.Limits, presence.Limits);
        });
        services.AddSingleton<IHostedService, DrainTogether>();
        if (run.Options.Database is { } database)
        {
            // Leases of unique processes; no connection is opened before one is asked for.
            services.AddPostgresLeases(database, run.Options.Postgres.CopyTo);
        }

        services.AddChannels(channels => channels.AddHelloSockets());
        services.AddShop();
        services.AddPresenceAdmin(admin => Copy(run.Options.Admin, admin));
    }

    private static void Copy(TrackerOptions from, TrackerOptions to)
    {
        to.BroadcastPeriod = from.BroadcastPeriod;
        to.MaxSilentPeriods = from.MaxSilentPeriods;
        to.DownPeriod = from.DownPeriod;
        to.PermDownPeriod = from.PermDownPeriod;
        to.ClockSamplePeriods = from.ClockSamplePeriods;
        to.MaxDeltaSizes = from.MaxDeltaSizes;
        to.PoolSize = from.PoolSize;
        to.DeltaDelay = from.DeltaDelay;
        to.LogLevel = from.LogLevel;
    }

    private static void Copy(PresenceLimits from, PresenceLimits to)
    {
        to.MaxTopicBytes = from.MaxTopicBytes;
        to.MaxKeyBytes = from.MaxKeyBytes;
        to.MaxMetaBytes = from.MaxMetaBytes;
    }

    private static void Copy(PresenceAdminOptions from, PresenceAdminOptions to)
    {
        to.User = from.User;
        to.Password = from.Password;
        to.TokenLifetime = from.TokenLifetime;
        to.MaxFailures = from.MaxFailures;
        to.FailureWindow = from.FailureWindow;
        to.MaxBodyBytes = from.MaxBodyBytes;
    }
}
