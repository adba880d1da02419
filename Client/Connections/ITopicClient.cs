using System.Net;
using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>The presences of one topic, through a node's socket or through grains.</summary>
internal interface ITopicClient : IAsyncDisposable
{
    /// <summary>Gets a task that completes with the reason when the server has ended what was begun.</summary>
    Task<string> Ended { get; }

    /// <summary>Returns who is present, ordered by key; under one key only if that is given.</summary>
    Task<IReadOnlyList<PresenceEvent>> ListAsync(string? key, CancellationToken stop);

    /// <summary>Sends who is present, and then every change, until this is disposed.</summary>
    Task WatchAsync(Action<PresenceEvent> changed, CancellationToken stop);

    /// <summary>Tracks a presence until this is disposed.</summary>
    /// <returns>Its <c>phx_ref</c>.</returns>
    Task<string?> TrackAsync(string key, JsonElement meta, CancellationToken stop);
}

/// <summary>How to reach nodes.</summary>
/// <param name="Nodes">Their roots, at least one, each ending with a slash.</param>
/// <param name="User">Who signs in.</param>
/// <param name="Password">Null if none was given.</param>
internal sealed record NodeAccess(IReadOnlyList<Uri> Nodes, string User, string? Password);

/// <summary>How to reach silos.</summary>
/// <param name="Gateways">Where they take clients, at least one.</param>
/// <param name="ClusterId">Of the Orleans cluster.</param>
/// <param name="ServiceId">Of the Orleans service.</param>
internal sealed record SiloAccess(IReadOnlyList<IPEndPoint> Gateways, string ClusterId, string ServiceId);
