using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Presence.Grains.Hosting;
using Presence.Node;

namespace Presence.Grains;

/// <summary>Presence on an Orleans silo.</summary>
public static class PresenceSiloBuilderExtensions
{
    /// <summary>
    /// Makes the silo a member: its node, the link between silos, and the grains that applications call
    /// (<see cref="ITopicPresenceGrain"/>). The member bears the silo's name, which must differ from that of every other.
    /// </summary>
    /// <param name="silo">The silo.</param>
    /// <param name="configure">How silos reach each other; how long leases last.</param>
    /// <param name="configureNode">Trackers, limits and the rest that does not depend on Orleans.</param>
    /// <exception cref="ArgumentException">An option breaks a rule.</exception>
    public static ISiloBuilder AddPresence(
        this ISiloBuilder silo,
        Action<PresenceOrleansOptions>? configure = null,
        Action<PresenceOptions>? configureNode = null)
    {
        ArgumentNullException.ThrowIfNull(silo);
        silo.AddPresenceLink(configure);

        // In this order the node starts after the silo and before the grains' own service, and stops between them.
        silo.Services.AddPresence(configureNode);
        return silo.AddPresenceGrains(configure);
    }
}
