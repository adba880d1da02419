using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>
/// Followers of streams while silos, homes of topics among them, are killed, stopped and replaced. Acceptance: each join once,
/// in order per topic.
/// </summary>
[Trait("Category", "Engine.Orleans")]
public class SubscribersTests
{
    private const int Topics = 12;
    private const int JoinsPerTurn = 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Followers_hear_each_join_once_and_in_order_through_two_kills_and_two_stops(bool durableSubscriptions) =>
        TurnsAsync(4, durableSubscriptions);

    [Fact]
    [Trait("Category", "Soak")]
    public Task Followers_hear_each_join_once_and_in_order_through_twenty_kills_and_twenty_stops() => TurnsAsync(40, false);

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
        using var process = node.StartProcess("keeper");
        cluster.Silos.ForEach(Watch);
        var ledgers = Enumerable.Range(0, Topics).Select(_ => new Ledger()).ToList();
        for (var t = 0; t < Topics; t++)
        {
            // Some through a gateway, some on a silo that stays.
            var client = t % 2 == 0 ? cluster.Client : cluster.ServiceOf<IPresenceClient>(keeper);
            await client.FollowAsync($"topic {t}", ledgers[t].TakeAsync);
        }

        var joined = 0;
        for (var turn = 0; turn < turns; turn++)
        {
            await JoinAsync();
            var victim = cluster.Silos.First(s => s != keeper);
            journal.Note($"turn {turn} ends {cluster.ServiceOf<IPresenceNode>(victim).Name}");
            var going = turn % 2 == 0 ? cluster.Orleans.KillSiloAsync(victim) : cluster.Orleans.StopSiloAsync(victim);
            await JoinAsync();
            await going;
            journal.Note("it is gone");
            await JoinAsync();
            Watch(await cluster.Orleans.StartAdditionalSiloAsync());
            await Task.WhenAll(ledgers.Select(l => l.JoinedAsync($"k{joined - 1:D5}")));
        }

        var expected = Enumerable.Range(0, joined).Select(i => $"k{i:D5}").ToList();
        for (var t = 0; t < Topics; t++)
        {
            ledgers[t].AssertTrue();
            var heard = ledgers[t].Told.All.Where(c => c.Kind == PresenceChangeKind.Joined).Select(c => c.Entry.Key).ToList();
            Assert.True(expected.SequenceEqual(heard), $"Heard {Journal.Short(heard)}\n{journal.Of($"topic {t}")}");
            Assert.DoesNotContain(ledgers[t].Told.All, c => c.Kind == PresenceChangeKind.Left);
        }

        void Watch(InProcessSiloHandle silo)
        {
            // What each silo shows, and from when on: a stream tells what its topic's home shows.
            var member = cluster.ServiceOf<IPresenceNode>(silo);
            journal.Note($"{member.Name} is there");
            for (var t = 0; t < Topics; t++)
            {
                var topic = $"topic {t}";
                _ = member.Tracker.Subscribe(topic, diff => journal.Note(
                    $"{member.Name} shows in {topic}: {Journal.Short([.. diff.Changes.Select(c => c.Entry.Key)])}"));
            }
        }

        async Task JoinAsync()
        {
            for (var i = 0; i < JoinsPerTurn; i++, joined++)
            {
                for (var t = 0; t < Topics; t++)
                {
                    await node.Tracker.TrackAsync(process, $"topic {t}", $"k{joined:D5}");
                }
            }
        }
    }
}
