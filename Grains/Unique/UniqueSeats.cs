using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>The seats of this silo, one per unique process that it has added and lets a grain arbitrate.</summary>
internal sealed class UniqueSeats(
    IGrainFactory grains,
    ILocalSiloDetails silo,
    PresenceSilos silos,
    IOptions<PresenceOrleansOptions> options,
    UniqueArbitrationInstruments instruments,
    TimeProvider time,
    ILogger<UniqueSeats> log) : IDisposable
{
    private readonly ConcurrentDictionary<string, Seat> _seats = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private int _isFollowing;

    public Seat? Find(string name) => _seats.GetValueOrDefault(name);

    /// <summary>Makes a seat known; it attends once it is started.</summary>
    public Seat Take(string name, string node, UniqueProcessMode mode, UniqueProcessOptions process)
    {
        var shown = new UniqueSeat(
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)),
            0,
            node,
            silo.SiloAddress.ToParsableString(),
            mode,
            UniqueSeatState.Standby,
            IsAble: false,
            Term: 0,
            Since: null,
            Epoch: null,
            process.SettleTime,
            process.TakeoverDelay,
            process.AgreementTimeout);
        var seat = new Seat(
            name, shown, grains.GetGrain<IUniqueElectionGrain>(name), options.Value.UniqueLease, time, instruments, log);
        _seats[name] = seat;
        if (Interlocked.Exchange(ref _isFollowing, 1) == 0)
        {
            using (ExecutionContext.SuppressFlow())
            {
                _ = Task.Run(FollowAsync);
            }
        }

        return seat;
    }

    public async ValueTask ReturnAsync(Seat seat)
    {
        _seats.TryRemove(new(seat.Name, seat));
        await seat.DisposeAsync();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>When members change the grain may have moved, and only those that attend bring it to life.</summary>
    private async Task FollowAsync()
    {
        try
        {
            await foreach (var _ in silos.UpdatesAsync(_stop.Token))
            {
                foreach (var seat in _seats.Values)
                {
                    seat.Attend();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }
}
