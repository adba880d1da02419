using System.Security.Cryptography;

namespace Presence.Node;

/// <summary>Arbitrates by what the members say to each other: available on each side of a split.</summary>
internal sealed class ClaimArbiter(IPresenceNode node, TimeProvider time) : IUniqueArbiter
{
    public UniqueProcessMode Mode => UniqueProcessMode.Available;

    public async ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation)
    {
        var by = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4));
        var contest = new ClaimContest(new ClaimBoard(node, name), name, by, options, time);
        await contest.StartAsync().ConfigureAwait(false);
        return contest;
    }
}
