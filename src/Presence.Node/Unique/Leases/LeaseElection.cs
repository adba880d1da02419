using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;
using Presence.Node.Unique.Leases;

namespace Presence.Node;

/// <summary>Elects by a lease in durable storage (consistent mode).</summary>
/// <remarks>Used where no other election of its mode is registered. A custom election may build on it.</remarks>
/// <param name="store">The lease store.</param>
/// <param name="node">This node.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Receives failures of the store, at most one per minute and operation.</param>
public sealed class LeaseElection(ILeaseStore store, IPresenceNode node, TimeProvider time, ILogger log)
    : ILeaderElection
{
    /// <inheritdoc/>
    public UniqueProcessMode Mode => UniqueProcessMode.Consistent;

    /// <inheritdoc/>
    public ValueTask<ICandidate> JoinAsync(string name, UniqueProcessOptions options, CancellationToken cancellation) =>
        ValueTask.FromResult<ICandidate>(
            new LeaseCandidate(store, node.Name, name, options, time, new RateLimitedLogger(time), log));

    internal static string NewHolder(string node) =>
        $"{node}/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
}
