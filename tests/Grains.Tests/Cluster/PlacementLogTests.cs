using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Orleans.Runtime;
using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Cluster;

/// <summary>Orleans retries and logs placements that fail with its own exceptions. Presence must avoid that.</summary>
[Trait("Category", "Orleans")]
public class PlacementLogTests
{
    [Fact]
    public async Task Start_and_loss_of_a_silo_cause_no_retried_placement()
    {
        var polly = new FakeLogCollector();
        using var recorder = new FakeLoggerProvider(polly);
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            configureClient: o => o.RenewalInterval = TimeSpan.FromMilliseconds(200),
            configureSilo: silo => silo.Services.AddLogging(log => log
                .AddProvider(recorder)
                .AddFilter<FakeLoggerProvider>((category, level) => level >= LogLevel.Warning && IsPolly(category))));
        var ledger = new Ledger();
        await using var subscription = await cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        await using var mine = await cluster.Client.TrackAsync("lobby", "mine");
        await ledger.JoinedAsync("mine");
        Assert.Empty(polly.GetSnapshot());
        var lost = cluster.SiloAt(mine.Handle.Silo);
        await cluster.Orleans.KillSiloAsync(lost);
        await ledger.LeftAsync("mine");
        await ledger.Received.FirstAsync(c => c.Entry.Ref == mine.Handle.Ref || ledger.Received.All.Count > 2);
        Assert.DoesNotContain(polly.GetSnapshot(), r => !IsAnswerTo(lost.SiloAddress, r));
    }

    /// <summary>Returns whether the category is of the library that Orleans retries with.</summary>
    private static bool IsPolly(string? category) => category?.StartsWith("Polly", StringComparison.Ordinal) == true;

    /// <summary>Returns whether it is about an answer of a client to the silo that was lost meanwhile.</summary>
    /// <remarks>
    /// A gateway of Orleans places such an answer anew, which fails for the lost silo's own client and is retried. An
    /// observer's answer that is under way when its silo is lost always does that; no option of ours prevents it.
    /// </remarks>
    private static bool IsAnswerTo(SiloAddress lost, FakeLogRecord record) => record.Message.Contains(
        string.Create(
            CultureInfo.InvariantCulture,
            $"No activation for client sys.client/hosted-{lost.Endpoint}@{lost.Generation}"),
        StringComparison.Ordinal);
}
