using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace Presence.Node;

/// <summary>Makes known to all members what happens under an arbiter whose participants do not say it themselves.</summary>
internal sealed class AnnouncedArbiter(IUniqueArbiter arbiter, IPresenceNode node, TimeProvider time, ILogger log) : IUniqueArbiter
{
    private readonly OccasionalLog _occasionally = new(time);

    public UniqueProcessMode Mode => arbiter.Mode;

    public async ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation)
    {
        var contest = await arbiter.EnterAsync(name, options, cancellation).ConfigureAwait(false);
        var announced = new AnnouncedContest(this, contest, new ClaimBoard(node, name), name);
        await announced.SayAsync(ClaimState.Standby, null).ConfigureAwait(false);
        return announced;
    }

    private sealed class AnnouncedContest(AnnouncedArbiter by, IUniqueContest contest, ClaimBoard board, string name) : IUniqueContest
    {
        private readonly string _by = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));

        public async ValueTask<IUniqueTerm> WinAsync(CancellationToken cancellation)
        {
            var term = await contest.WinAsync(cancellation).ConfigureAwait(false);
            await SayAsync(ClaimState.Run, term.Epoch).ConfigureAwait(false);
            return new AnnouncedTerm(this, term);
        }

        public async ValueTask SayAsync(ClaimState state, long? epoch)
        {
            try
            {
                await board.SayAsync(new Claim
                {
                    Node = board.NodeName,
                    By = _by,
                    Mode = by.Mode,
                    State = state,
                    IsAble = state == ClaimState.Standby,
                    Epoch = epoch,
                    Since = state == ClaimState.Run ? by.UnixMilliseconds : null,
                }).ConfigureAwait(false);
            }
            catch (PresenceOverloadException e)
            {
                // The directory is behind by one line; who runs is not decided here.
                by.Trouble(name, e);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await contest.DisposeAsync().ConfigureAwait(false);
            board.Dispose();
        }
    }

    private sealed class AnnouncedTerm(AnnouncedContest contest, IUniqueTerm term) : IUniqueTerm
    {
        public long? Epoch => term.Epoch;

        public ReadOnlyMemory<byte> Inherited => term.Inherited;

        public bool IsCurrent => term.IsCurrent;

        public CancellationToken Lost => term.Lost;

        public UniqueStopReason LostReason => term.LostReason;

        public TimeSpan StopProlonging() => term.StopProlonging();

        public async ValueTask EndAsync(ReadOnlyMemory<byte> state, TimeSpan pause)
        {
            await contest.SayAsync(ClaimState.Standby, null).ConfigureAwait(false);
            await term.EndAsync(state, pause).ConfigureAwait(false);
        }

        public async ValueTask AbandonAsync(TimeSpan pause)
        {
            await contest.SayAsync(ClaimState.Standby, null).ConfigureAwait(false);
            await term.AbandonAsync(pause).ConfigureAwait(false);
        }

        public void Dispose() => term.Dispose();
    }

    private long UnixMilliseconds => time.GetUtcNow().ToUnixTimeMilliseconds();

    private void Trouble(string name, Exception e)
    {
        if (_occasionally.IsDue("announce", out var times))
        {
            log.UniqueUnannounced(name, times, e);
        }
    }
}
