using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Registers the elections of unique processes by grain.</summary>
internal static class UniqueSiloBuilderExtensions
{
    public static ISiloBuilder AddUniqueElections(this ISiloBuilder silo)
    {
        silo.Services.AddPlacementDirector<OldestPlacement, OldestPlacementDirector>();
        silo.Services.AddSingleton<UniqueElectionInstruments>();
        silo.Services.AddSingleton<UniqueSeats>();
        silo.Services.AddSingleton<ILeaderElection, GrainElection>();
        silo.Services.AddSingleton<ILeaderElection, GrainLeaseElection>();
        return silo;
    }
}
