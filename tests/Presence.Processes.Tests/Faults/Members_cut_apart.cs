using Presence.Harness.Databases;
using Presence.Harness.Histories;
using Presence.Harness.Members;
using Presence.Harness.Networks;

namespace Presence.Processes.Tests.Faults;

/// <summary>Members in network namespaces, one of three cut off from the others, with and without its database.</summary>
public abstract class Members_cut_apart : EngineUnderTest
{
    private protected Members_cut_apart(TestedEngine engine)
        : base(engine)
    {
    }

    private const string Room = "room:bridge";
    private const string Database = "database";

    /// <summary>Shorter than any engine takes to hold somebody dead.</summary>
    private static readonly TimeSpan Brief = TimeSpan.FromSeconds(2);

    [SkippableFact]
    public async Task After_a_short_cut_nobody_is_lost_or_doubled_and_both_sides_served_reads_throughout()
    {
        await using var site = await SiteAsync();
        await using var run = await Run.StartAsync(await ClusterAsync(site.Server, site.Network), Room);
        var (alone, others) = (run.Clients[2], run.Clients[..2]);
        await using var reads = Reads.Of(run.Clients);

        await CutOffAsync(site.Network, alone, others, withDatabase: false);
        await Task.WhenAll(run.Clients.Select(client => client.UpdateAsync()));
        await run.JoinAsync(others[0].Member, "meanwhile-here");
        await run.JoinAsync(alone.Member, "meanwhile-there");
        await Task.WhenAny(alone.Closed, Task.Delay(Brief));
        await RejoinAsync(site.Network, alone, others, withDatabase: false);

        await run.AllShownToAllAsync();
        await run.SettleAsync();
        await reads.MustHaveBeenServedAsync();
        run.MustBeFlawless();
    }

    [SkippableFact]
    public async Task After_a_cut_that_outlasts_its_death_a_member_and_its_presences_are_gone_or_back_but_never_both()
    {
        await using var site = await SiteAsync();
        await using var run = await Run.StartAsync(await ClusterAsync(site.Server, site.Network), Room);
        var (alone, others) = (run.Clients[2], run.Clients[..2]);
        await using var reads = Reads.Of(run.Clients);
        var begun = run.History.Now;

        await CutOffAsync(site.Network, alone, others, withDatabase: true);
        if (DeathIsFinal)
        {
            run.History.Add(new MemberEnded(run.History.Now, alone.Member.Name, MemberEnd.Killed));
        }

        await EngineNoticesAsync(run.Cluster, alone.Member.Name);
        await Task.WhenAll(others.Select(client => client.UntilShownAsync(others, Generous)));
        await reads.MustHaveBeenServedAsync();
        await RejoinAsync(site.Network, alone, others, withDatabase: true);
        if (DeathIsFinal)
        {
            await alone.Member.WaitForEndAsync(Generous);
        }

        await run.AllShownToAllAsync();
        await run.SettleAsync();
        run.MustBeFlawless(DeathIsFinal ? [] : [new Excuse(begun, run.History.Now)]);
    }

    private static async Task<Site> SiteAsync()
    {
        PostgresServer.Require();
        var network = await TestNetwork.CreateAsync();
        try
        {
            var place = await network.AddAsync(Database);
            return new Site(
                network,
                await PostgresServer.StartAsync(new PostgresServerOptions
                {
                    Address = place.Address,
                    Prefix = place.Prefix,
                    AllowedNetwork = "198.18.0.0/15",
                }));
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    private static async Task CutOffAsync(TestNetwork network, RoomClient one, IEnumerable<RoomClient> others, bool withDatabase)
    {
        foreach (var other in Apart(others, withDatabase))
        {
            await network.CutAsync(one.Member.Name, other);
        }
    }

    private static async Task RejoinAsync(TestNetwork network, RoomClient one, IEnumerable<RoomClient> others, bool withDatabase)
    {
        foreach (var other in Apart(others, withDatabase))
        {
            await network.HealAsync(one.Member.Name, other);
        }
    }

    private static List<string> Apart(IEnumerable<RoomClient> others, bool withDatabase) =>
        [.. others.Select(other => other.Member.Name), .. withDatabase ? [Database] : Array.Empty<string>()];

    private sealed record Site(TestNetwork Network, PostgresServer Server) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            await Network.DisposeAsync();
        }
    }
}

[Trait("Category", "Engine.Orleans")]
public sealed class Silos_cut_apart() : Members_cut_apart(OrleansUnderTest.Engine);
