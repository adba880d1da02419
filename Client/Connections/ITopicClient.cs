using System.Net;
using System.Text.Json;

namespace Presence.CommandLine.Connections;

/// <summary>The presences of one topic, through a node's socket or through grains.</summary>
internal interface ITopicClient : IAsyncDisposable
{
    /// <summary>Gets a task that completes with the reason when the server has ended the subscription.</summary>
    Task<string> Ended { get; }

    /// <summary>Returns the presences of the topic, or of one key, ordered by key.</summary>
    Task<IReadOnlyList<PresenceEvent>> ListAsync(string? key, CancellationToken stop);

    /// <summary>Passes the presences and then every change to the callback, until this is disposed.</summary>
    /// <returns>A task that completes when the callback has received the presences.</returns>
    Task WatchAsync(Action<PresenceEvent> changed, CancellationToken stop);

    /// <summary>Tracks a presence until this is disposed.</summary>
    /// <returns>Its <c>phx_ref</c>.</returns>
    Task<string?> TrackAsync(string key, JsonElement meta, CancellationToken stop);
}

/// <summary>Roots of nodes, at least one and each ending with a slash, and the sign-in.</summary>

internal sealed record NodeAccess(IReadOnlyList<Uri> Nodes, string User, string? Password);

/// <summary>Gateways of silos, at least one, and the IDs of the Orleans cluster.</summary>

internal sealed record SiloAccess(IReadOnlyList<IPEndPoint> Gateways, string ClusterId, string ServiceId);
