using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Presence.Node;

/// <summary>Arbitrates by a lease in durable storage: consistent.</summary>
internal sealed class LeaseArbiter(ILeaseStore store, IPresenceNode node, TimeProvider time, ILogger log) : IUniqueArbiter
{
    public UniqueProcessMode Mode => UniqueProcessMode.Consistent;

    public async ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation)
    {
        var board = new ClaimBoard(node, name);
        var contest = new LeaseContest(store, board, name, options, time, new OccasionalLog(time), log);
        await contest.AnnounceAsync(ClaimState.Standby).ConfigureAwait(false);
        return contest;
    }

    internal static string NewHolder(string node) => $"{node}/{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}";
}
