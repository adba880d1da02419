using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Grains.Cluster;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>The seats of this silo, one for each unique process whose election uses a grain.</summary>
internal sealed class UniqueSeats(
    IGrainFactory grains,
    ILocalSiloDetails silo,
    PresenceSilos silos,
    IOptions<PresenceOrleansOptions> options,
    UniqueElectionInstruments instruments,
    TimeProvider time,
    ILogger<UniqueSeats> log) : IDisposable
{
    private readonly ConcurrentDictionary<string, Seat> _seats = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private int _isFollowing;

    public Seat? Find(string name) => _seats.GetValueOrDefault(name);

    /// <summary>Adds a seat, which reports once it is started.</summary>
    public Seat Add(string name, string node, UniqueProcessMode mode, UniqueProcessOptions process)
    {
        var report = new UniqueSeat(
            Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)),
            0,
            node,
            silo.SiloAddress.ToParsableString(),
            mode,
            UniqueSeatState.Standby,
            IsAble: true, // It waits for a term from now on, also while the first report is under way.
            Term: 0,
            Since: null,
            Epoch: null,
            process.SettleTime,
            process.TakeoverDelay,
            process.AgreementTimeout);
        var seat = new Seat(
            name,
            report,
            grains.GetGrain<IUniqueElectionGrain>(name),
            options.Value.UniqueLease,
            time,
            instruments,
            log);
        _seats[name] = seat;
        if (Interlocked.Exchange(ref _isFollowing, 1) == 0)
        {
            using (ExecutionContext.SuppressFlow())
            {
                _ = Task.Run(ReportChangesAsync);
            }
        }

        return seat;
    }

    public async ValueTask RemoveAsync(Seat seat)
    {
        _seats.TryRemove(new(seat.Name, seat));
        await seat.DisposeAsync();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    /// <summary>Reports after each change of nodes: the grain may have moved, and only reports activate it.</summary>
    private async Task ReportChangesAsync()
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
