using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Arbitrates by <see cref="IUniqueElectionGrain"/>: available on each side of a split.</summary>
internal sealed class GrainArbiter(UniqueSeats seats, IPresenceNode node, TimeProvider time) : IUniqueArbiter
{
    public UniqueProcessMode Mode => UniqueProcessMode.Available;

    public ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation)
    {
        var seat = seats.Take(name, node.Name, Mode, options);
        return ValueTask.FromResult<IUniqueContest>(new SeatContest(seat, seats, options, time));
    }
}

/// <summary>
/// Arbitrates by a lease, which the grain takes for the one whose turn it is: consistent. Renewed and given back without the grain.
/// </summary>
internal sealed class GrainLeaseArbiter(
    UniqueSeats seats, IPresenceNode node, IServiceProvider services, TimeProvider time, ILogger<GrainLeaseArbiter> log) : IUniqueArbiter
{
    public UniqueProcessMode Mode => UniqueProcessMode.Consistent;

    public void Validate(string name)
    {
        if (services.GetService<ILeaseStore>() is null)
        {
            throw new InvalidOperationException(
                $"Unique process '{name}' is to be consistent, and there is no durable store for its lease. "
                + "Register an ILeaseStore on every silo, such as that of Presence.Postgres, or use UniqueProcessMode.Available.");
        }
    }

    public async ValueTask<IUniqueContest> EnterAsync(string name, UniqueProcessOptions options, CancellationToken cancellation)
    {
        var seat = seats.Take(name, node.Name, Mode, options);
        var store = ActivatorUtilities.CreateInstance<GrainLeaseStore>(services, seat, services.GetRequiredService<ILeaseStore>());
        var contest = await new LeaseArbiter(store, node, time, log).EnterAsync(name, options, cancellation);
        return new SeatedContest(contest, seat, seats, time);
    }
}
