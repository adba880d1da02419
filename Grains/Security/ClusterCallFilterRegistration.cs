using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Hosting;

namespace Presence.Grains.Security;

/// <summary>Adds the <see cref="ClusterCallFilter"/>, of outgoing calls only if there may be a cluster key.</summary>
/// <remarks>
/// A filter of outgoing calls makes every call of every grain in the silo a third slower, whatever it does, and Orleans
/// does not remove one once options are known. See decision 0083.
/// </remarks>
internal static class ClusterCallFilterRegistration
{
    private static readonly Type[] OptionsChanges =
        [typeof(IConfigureOptions<PresenceOrleansOptions>), typeof(IPostConfigureOptions<PresenceOrleansOptions>)];

    /// <summary>Call before anything of Presence changes the options.</summary>
    public static void AddClusterCallFilter(this ISiloBuilder silo, Action<PresenceOrleansOptions>? configure)
    {
        silo.Services.AddSingleton<ClusterCallFilter>();
        silo.Services.AddSingleton<IIncomingGrainCallFilter>(s => s.GetRequiredService<ClusterCallFilter>());
        if (MayHaveKey(silo, configure))
        {
            silo.Services.AddSingleton<IOutgoingGrainCallFilter>(s => s.GetRequiredService<ClusterCallFilter>());
        }
        else
        {
            silo.Services.AddSingleton<IValidateOptions<PresenceOrleansOptions>, NoLaterKey>();
        }
    }

    private static bool MayHaveKey(ISiloBuilder silo, Action<PresenceOrleansOptions>? configure)
    {
        if (silo.Configuration["Presence:Orleans:ClusterKey"] is not null
            || silo.Services.Any(service => OptionsChanges.Contains(service.ServiceType)))
        {
            return true;
        }

        var given = new PresenceOrleansOptions();
        configure?.Invoke(given);
        return given.ClusterKey is not null;
    }

    /// <summary>Rejects a key with which this silo would sign no calls.</summary>
    private sealed class NoLaterKey : IValidateOptions<PresenceOrleansOptions>
    {
        public ValidateOptionsResult Validate(string? name, PresenceOrleansOptions options) =>
            options.ClusterKey is null
                ? ValidateOptionsResult.Success
                : ValidateOptionsResult.Fail(
                    "Presence:Orleans:ClusterKey was set after AddPresence. Set it in the configuration before, or in"
                    + " AddPresence(options => ...).");
    }
}
