using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Elects through <see cref="IUniqueElectionGrain"/>: available on each side of a network partition.</summary>
internal sealed class GrainElection(UniqueSeats seats, IPresenceNode node, TimeProvider time) : ILeaderElection
{
    public UniqueProcessMode Mode => UniqueProcessMode.Available;

    public ValueTask<ICandidate> JoinAsync(string name, UniqueProcessOptions options, CancellationToken cancellation)
    {
        var seat = seats.Add(name, node.Name, Mode, options);
        return ValueTask.FromResult<ICandidate>(new SeatCandidate(seat, seats, options, time));
    }
}

/// <summary>Elects through a lease, which the grain acquires for the next candidate: consistent.</summary>
internal sealed class GrainLeaseElection(
    UniqueSeats seats,
    IPresenceNode node,
    IServiceProvider services,
    TimeProvider time,
    ILogger<GrainLeaseElection> log) : ILeaderElection
{
    public UniqueProcessMode Mode => UniqueProcessMode.Consistent;

    public void Validate(string name)
    {
        if (services.GetService<ILeaseStore>() is null)
        {
            throw new InvalidOperationException(
                $"Unique process '{name}' is consistent, but no durable store for its lease is registered. "
                + "Register an ILeaseStore on every silo, for example of Presence.Postgres, or use "
                + "UniqueProcessMode.Available.");
        }
    }

    public async ValueTask<ICandidate> JoinAsync(
        string name, UniqueProcessOptions options, CancellationToken cancellation)
    {
        var seat = seats.Add(name, node.Name, Mode, options);
        var store = ActivatorUtilities.CreateInstance<GrainLeaseStore>(
            services, seat, services.GetRequiredService<ILeaseStore>());
        var candidate = await new LeaseElection(store, node, time, log).JoinAsync(name, options, cancellation);
        return new SeatedCandidate(candidate, seat, seats, time);
    }
}
