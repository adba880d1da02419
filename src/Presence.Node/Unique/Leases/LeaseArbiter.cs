using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Presence.Node;

/// <summary>Arbitrates by a lease in durable storage: consistent.</summary>
/// <remarks>Used by itself where no other arbiter of its mode is registered; an arbiter of one's own may put its own store before it.</remarks>
/// <param name="store">Where leases are kept.</param>
/// <param name="node">This member.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Where trouble with the store is told, at most once a minute and kind.</param>
public sealed class LeaseArbiter(ILeaseStore store, IPresenceNode node, TimeProvider time, ILogger log) : IUniqueArbiter
{
    /// <inheritdoc/>
    public UniqueProcessMode Mode => UniqueProcessMode.Consistent;

    /// <inheritdoc/>
    public ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation) =>
        ValueTask.FromResult<IUniqueContest>(new LeaseContest(store, node.Name, name, options, time, new OccasionalLog(time), log));

    internal static string NewHolder(string node) => $"{node}/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
}
