using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Cluster;

/// <summary>Orleans retries a placement that fails with one of its own exceptions, and logs each attempt. Ours never do.</summary>
[Trait("Category", "Engine.Orleans")]
public class PlacementLogTests
{
    [Fact]
    public async Task Neither_a_start_nor_the_loss_of_a_silo_makes_a_placement_that_is_retried()
    {
        var polly = new FakeLogCollector();
        using var recorder = new FakeLoggerProvider(polly);
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            configureClient: o => o.CheckPeriod = TimeSpan.FromMilliseconds(200),
            configureSilo: silo => silo.Services.AddLogging(log => log
                .AddProvider(recorder)
                .AddFilter<FakeLoggerProvider>((category, level) => level >= LogLevel.Warning && IsPolly(category))));
        var ledger = new Ledger();
        await using var watch = await cluster.Client.WatchAsync("lobby", ledger.TakeAsync);
        await using var mine = await cluster.Client.TrackAsync("lobby", "mine");
        await ledger.JoinedAsync("mine");
        await cluster.Orleans.KillSiloAsync(cluster.SiloAt(mine.Handle.Silo));
        await ledger.LeftAsync("mine");
        await ledger.Told.FirstAsync(c => c.Entry.Ref == mine.Handle.Ref || ledger.Told.All.Count > 2);
        Assert.Empty(polly.GetSnapshot());
    }

    /// <summary>The library that Orleans retries with.</summary>
    private static bool IsPolly(string? category) => category?.StartsWith("Polly", StringComparison.Ordinal) == true;
}
