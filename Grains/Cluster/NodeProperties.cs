using System.Globalization;
using Microsoft.Extensions.Options;
using Orleans.Metadata;
using Orleans.Runtime;
using Presence.Node;

namespace Presence.Grains.Cluster;

/// <summary>
/// Marks this silo in the cluster's manifest as a node: a silo on which <c>AddPresence</c> was called. Other silos of the cluster
/// may have the same assemblies, or none of them, and take no part.
/// </summary>
internal sealed class NodeProperties(IOptions<PresenceOptions> options) : IGrainPropertiesProvider
{
    /// <summary>Version of the protocol between nodes that this assembly speaks.</summary>
    public const int CurrentProtocol = 1;

    private const string Protocol = "presence.protocol";
    private const string Capabilities = "presence.capabilities";
    private const string PoolSize = "presence.pool-size";

    public void Populate(Type grainClass, GrainType grainType, Dictionary<string, string> properties)
    {
        if (grainClass == typeof(PresenceSiloGrain))
        {
            properties[Protocol] = CurrentProtocol.ToString(CultureInfo.InvariantCulture);
            properties[Capabilities] = "";
            properties[PoolSize] = options.Value.Tracker.PoolSize.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Returns whether a silo with this manifest is a node.</summary>
    public static bool IsNode(GrainManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        return manifest.Grains.TryGetValue(PresenceSiloGrain.Type, out var grain) && grain.Properties.ContainsKey(Protocol);
    }
}
