using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime.Hosting;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Registers what lets grains arbitrate unique processes, and answer for them.</summary>
internal static class UniqueSiloBuilderExtensions
{
    public static ISiloBuilder AddUniqueArbitration(this ISiloBuilder silo)
    {
        silo.Services.AddPlacementDirector<OldestPlacement, OldestPlacementDirector>();
        silo.Services.AddSingleton<UniqueArbitrationInstruments>();
        silo.Services.AddSingleton<UniqueSeats>();
        silo.Services.AddSingleton<IUniqueArbiter, GrainArbiter>();
        silo.Services.AddSingleton<IUniqueArbiter, GrainLeaseArbiter>();
        return silo;
    }
}
