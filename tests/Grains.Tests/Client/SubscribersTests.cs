using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;

namespace Presence.Grains.Tests.Client;

/// <summary>
/// Stream subscribers while silos, including publisher silos, are killed, stopped and replaced. Acceptance: each join
/// once, in order per topic.
/// </summary>
[Trait("Category", "Orleans")]
public class SubscribersTests
{
    private const int Topics = 12;
    private const int JoinsPerTurn = 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Subscribers_receive_each_join_once_and_in_order_during_two_kills_and_two_stops(
        bool durableSubscriptions) =>
        TurnsAsync(4, durableSubscriptions);

    [Fact]
    [Trait("Category", "Soak")]
    public Task Subscribers_receive_each_join_once_and_in_order_during_twenty_kills_and_twenty_stops() =>
        TurnsAsync(40, false);

    private static async Task TurnsAsync(int turns, bool durableSubscriptions)
    {
        var journal = new Journal();
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            configureSilo: silo => silo.Services.AddLogging(journal.Trace),
            durableSubscriptions: durableSubscriptions,
            configureClientHost: client => client.Services.AddLogging(journal.Trace));
        var keeper = cluster.Silos[0];
        var node = cluster.ServiceOf<IPresenceNode>(keeper);
        using var session = node.OpenSession("keeper");
        cluster.Silos.ForEach(Log);
        var ledgers = Enumerable.Range(0, Topics).Select(_ => new Ledger()).ToList();
        for (var t = 0; t < Topics; t++)
        {
            // Half of them use a gateway, the others the silo that stays.
            var client = t % 2 == 0 ? cluster.Client : cluster.ServiceOf<IPresenceClient>(keeper);
            await client.SubscribeAsync($"topic {t}", ledgers[t].HandleAsync, SubscriptionKind.Stream);
        }

        var joined = 0;
        for (var turn = 0; turn < turns; turn++)
        {
            await JoinAsync();
            var victim = cluster.Silos.First(s => s != keeper);
            journal.Add($"turn {turn} ends {cluster.ServiceOf<IPresenceNode>(victim).Name}");
            var ending = turn % 2 == 0 ? cluster.Orleans.KillSiloAsync(victim) : cluster.Orleans.StopSiloAsync(victim);
            await JoinAsync();
            await ending;
            journal.Add("silo ended");
            await JoinAsync();
            Log(await cluster.Orleans.StartAdditionalSiloAsync());
            await Task.WhenAll(ledgers.Select(l => l.JoinedAsync($"k{joined - 1:D5}")));
        }

        var expected = Enumerable.Range(0, joined).Select(i => $"k{i:D5}").ToList();
        for (var t = 0; t < Topics; t++)
        {
            ledgers[t].AssertConsistent();
            var received = ledgers[t].Received.All.Where(c => c.Kind == PresenceChangeKind.Joined)
                .Select(c => c.Entry.Key).ToList();
            Assert.True(
                expected.SequenceEqual(received), $"Received {Journal.Short(received)}\n{journal.Of($"topic {t}")}");
            Assert.DoesNotContain(ledgers[t].Received.All, c => c.Kind == PresenceChangeKind.Left);
        }

        void Log(InProcessSiloHandle silo)
        {
            // Logs what each silo applies: a stream carries what the topic's publisher silo applies.
            var started = cluster.ServiceOf<IPresenceNode>(silo);
            journal.Add($"{started.Name} started");
            for (var t = 0; t < Topics; t++)
            {
                var topic = $"topic {t}";
                _ = started.Tracker.Subscribe(topic, diff => journal.Add(
                    $"{started.Name} applies in {topic}: {Journal.Short([.. diff.Changes.Select(c => c.Entry.Key)])}"));
            }
        }

        async Task JoinAsync()
        {
            for (var i = 0; i < JoinsPerTurn; i++, joined++)
            {
                for (var t = 0; t < Topics; t++)
                {
                    await node.Tracker.TrackAsync(session, $"topic {t}", $"k{joined:D5}");
                }
            }
        }
    }
}
