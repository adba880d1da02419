using Microsoft.AspNetCore.DataProtection;
using Presence.Channels;
using Presence.Dashboard;

namespace Presence.Silo;

/// <summary>What one member is made of.</summary>
internal static class MemberServices
{
    public static void Add(IServiceCollection services, SiloRun run, string name)
    {
        services.AddSingleton<IDataProtectionProvider>(run.Keys.Provider);
        services.AddSingleton(run);
        services.AddProblemDetails();
        // Hosted services stop in the reverse of this order: sockets, then the wait for the others, then the member.
        services.AddSingleton<IHostedService, DrainTogether>();
        services.AddChannels(channels => channels
            .Socket<OpenSocket>(routes => routes.Channel<PingChannel>("ping"))
            .Socket<UserSocket>(routes => routes
                .Channel<TrackedChannel>("tracked")
                .Channel<RoomChannel>("room:*")));
        services.AddPresenceAdmin(admin => Copy(run.Options.Admin, admin));
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
