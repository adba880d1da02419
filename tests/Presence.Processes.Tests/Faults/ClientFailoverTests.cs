using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;
using Presence.Tracker;

namespace Presence.Processes.Tests.Faults;

/// <summary>Orleans clients of three silo processes, one of which is killed.</summary>
[Trait("Category", "Postgres")]
public sealed class ClientFailoverTests(LoopbackSite site) : IClassFixture<LoopbackSite>
{
    private const int Presences = 1000;

    [SkippableFact]
    public Task Presences_of_a_killed_silo_are_back_within_two_seconds_of_its_declared_death() =>
        MustBeBackAsync("failover", 2, async (run, lost) =>
        {
            await lost.KillAsync();
            await SiloSite.UntilDeadAsync(run.Cluster, lost.Name);
            return run.History.Now;
        });

    [SkippableFact]
    public Task Presences_of_a_silo_that_stops_while_the_database_is_away_are_back_within_five_seconds() =>
        MustBeBackAsync(
            "away",
            5,
            async (run, lost) =>
            {
                await site.Server.StopAsync();
                await lost.TerminateAsync();
                return run.History.Now;
            },
            then: () => site.Server.StartAgainAsync());

    private Task MustBeBackAsync(
        string topic, int seconds, Func<Run, NodeProcess, Task<TimeSpan>> lose, Func<Task>? then = null) =>
        TimeBound.MustHoldAsync("The return of all presences", TimeSpan.FromSeconds(seconds), async attempt =>
        {
            var taken = await ComeBackAsync($"{topic}-{attempt}", lose);
            await (then?.Invoke() ?? Task.CompletedTask);
            return taken;
        });

    /// <summary>Checks that all presences of a lost silo leave and come back once each.</summary>
    /// <returns>The time from the loss, as <paramref name="lose"/> tells it, to the last change.</returns>
    private async Task<TimeSpan> ComeBackAsync(string topic, Func<Run, NodeProcess, Task<TimeSpan>> lose)
    {
        await using var run = await site.StartAsync($"room:{topic}");
        using var owner = await StartClientAsync(run);
        await Presence(owner).CountAsync(topic);
        var requests = Enumerable.Range(0, Presences).Select(i => new TrackRequest(topic, $"k{i:D4}"));
        var tracked = await Presence(owner).TrackManyAsync([.. requests]);
        var silo = Assert.Single(tracked.Select(t => t.Handle.Silo).Distinct());
        var lost = await NodeOfAsync(run, silo);
        using var other = await StartClientAsync(run, except: lost);
        var changes = new Awaited<(PresenceChange Change, TimeSpan At)>();
        await using var subscription = await Presence(other).SubscribeAsync(topic, batch =>
        {
            foreach (var change in batch)
            {
                changes.Add((change, run.History.Now));
            }

            return default;
        });
        await changes.CountAsync(Presences);

        var from = await lose(run, lost);
        await changes.CountAsync(3 * Presences);
        var taken = changes.All[^1].At - from;

        // A later change of the same client is behind everything that the failover has caused.
        await Presence(owner).TrackAsync(topic, "last");
        await changes.FirstAsync(c => c.Change.Entry.Key == "last");
        var later = changes.All.Skip(Presences).Select(c => c.Change).Where(c => c.Entry.Key != "last").ToList();
        Assert.Equal(2 * Presences, later.Count);
        Assert.All(later.GroupBy(c => c.Entry.Key), of => Assert.Equal(
            [PresenceChangeKind.Joined, PresenceChangeKind.Left], of.Select(c => c.Kind).Order()));
        Assert.Equal(Presences + 1, subscription.Presences.KeyCount);
        run.Clients.RemoveAll(client => client.Node == lost);
        run.MustBeFlawless();
        return taken;
    }

    private static IPresenceClient Presence(IHost host) => host.Services.GetRequiredService<IPresenceClient>();

    private static async Task<NodeProcess> NodeOfAsync(Run run, string silo)
    {
        var port = IPEndPoint.Parse(silo.Split('@')[0]).Port;
        var name = await run.Cluster.Database.ReadAsync<string>(
            $"SELECT name FROM presence_orleans.silo WHERE port = {port} AND status = 3");
        return run.Cluster.Living.Single(node => node.Name == name);
    }

    private static async Task<IHost> StartClientAsync(Run run, NodeProcess? except = null)
    {
        var gateways = new List<IPEndPoint>();
        foreach (var node in run.Cluster.Living.Where(node => node != except))
        {
            var port = await run.Cluster.Database.ReadAsync<int>(
                $"SELECT gateway FROM presence_orleans.silo WHERE name = '{node.Name}' AND status = 3");
            gateways.Add(new IPEndPoint(IPAddress.Loopback, port));
        }

        // Without logging: a lost connection is an error there.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(client => client
            .UseStaticClustering([.. gateways])
            .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = ("presence", "presence"))
            .AddPresence());
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
