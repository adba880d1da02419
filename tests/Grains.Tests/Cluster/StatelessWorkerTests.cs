using System.Reflection;
using Orleans.Concurrency;
using Orleans.Runtime;
using Presence.Grains.Hosting;

namespace Presence.Grains.Tests.Cluster;

/// <summary>The grains of which each silo has its own activation.</summary>
public sealed class StatelessWorkerTests
{
    /// <summary>Otherwise Orleans runs a timer of 500 ms for every topic that was used lately.</summary>
    [Fact]
    public void Grains_of_one_activation_per_silo_are_not_inspected_for_idle_workers()
    {
        var workers = typeof(PresenceOrleansOptions).Assembly.GetTypes()
            .Select(type => (Type: type, Worker: type.GetCustomAttribute<StatelessWorkerAttribute>()))
            .Where(grain => grain.Worker is not null)
            .ToList();
        Assert.NotEmpty(workers);
        Assert.All(workers, grain =>
        {
            var properties = new Dictionary<string, string>();
            grain.Worker!.Populate(null!, grain.Type, GrainType.Create("grain"), properties);
            Assert.Equal("False", properties["remove-idle-workers"]);
        });
    }
}
