using System.Globalization;
using Microsoft.Extensions.Options;
using Orleans.Metadata;
using Orleans.Runtime;
using Presence.Node;

namespace Presence.Grains.Cluster;

/// <summary>
/// Marks this silo in the cluster's manifest as a node: a silo on which <c>AddPresence</c> was called. Other silos may
/// have the same assemblies without being nodes.
/// </summary>
internal sealed class NodeProperties(IOptions<PresenceOptions> options) : IGrainPropertiesProvider
{
    /// <summary>Version of the protocol between nodes.</summary>
    public const int CurrentProtocol = 1;

    private const string Protocol = "presence.protocol";
    private const string Capabilities = "presence.capabilities";
    private const string Sessions = "sessions";
    private const string PoolSize = "presence.pool-size";
    private const string Version = "presence.version";

    public void Populate(Type grainClass, GrainType grainType, Dictionary<string, string> properties)
    {
        if (grainClass == typeof(PinnedSiloGrain))
        {
            properties[Protocol] = CurrentProtocol.ToString(CultureInfo.InvariantCulture);
            properties[Capabilities] = Sessions;
            properties[Version] = NodeStatus.LibraryVersion;
            properties[PoolSize] = options.Value.Tracker.PoolSize.ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Returns what a manifest says of its silo.</summary>
    public static NodeTraits Read(GrainManifest manifest)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        if (!manifest.Grains.TryGetValue(PinnedSiloGrain.Type, out var grain)
            || !grain.Properties.ContainsKey(Protocol))
        {
            return new NodeTraits(IsNode: false, KnowsSessions: false, Version: null);
        }

        var knowsSessions = grain.Properties.TryGetValue(Capabilities, out var capabilities)
            && capabilities.Split(',').Contains(Sessions);
        return new NodeTraits(IsNode: true, knowsSessions, grain.Properties.GetValueOrDefault(Version));
    }
}

/// <summary>What the manifest of a silo says of it.</summary>
/// <param name="IsNode">Whether it is a node.</param>
/// <param name="KnowsSessions">Whether its version knows resumable sessions.</param>
/// <param name="Version">Its version of this library; null if that version did not say it.</param>
internal readonly record struct NodeTraits(bool IsNode, bool KnowsSessions, string? Version);
