namespace Presence.Processes.Tests.Faults;

/// <summary>Three silos with a client in the same room on each, all shown to all. The cluster outlives the run.</summary>
internal sealed class Run : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly string _room;
    private readonly Action? _passed;

    private Run(MemberCluster cluster, string room, Action? passed) => (Cluster, _room, _passed) = (cluster, room, passed);

    public MemberCluster Cluster { get; }

    public History History => Cluster.History;

    /// <summary>In the order in which they came.</summary>
    public List<RoomClient> Clients { get; } = [];

    /// <param name="cluster">Grows to as many silos.</param>
    /// <param name="room">Must not have been used before in this cluster.</param>
    /// <param name="passed">Called when the history is flawless.</param>
    public static async Task<Run> StartAsync(MemberCluster cluster, string room, int members = 3, Action? passed = null)
    {
        var run = new Run(cluster, room, passed);
        try
        {
            foreach (var member in await cluster.GrowToAsync(members))
            {
                await run.JoinAsync(member);
            }

            await run.AllShownToAllAsync();
            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    public async Task<RoomClient> JoinAsync(MemberProcess member, string? user = null)
    {
        var client = await RoomClient.JoinAsync(member, _room, user ?? "user-" + member.Name, History);
        Clients.Add(client);
        return client;
    }

    /// <summary>The clients whose connection stands see exactly each other.</summary>
    public Task AllShownToAllAsync()
    {
        Clients.RemoveAll(client => client.Closed.IsCompleted);
        return Task.WhenAll(Clients.Select(client => client.UntilShownAsync(Clients, Generous)));
    }

    /// <summary>Somebody comes, is seen by all, goes and is gone for all: what was under way before has arrived.</summary>
    public async Task SettleAsync()
    {
        Clients.RemoveAll(client => client.Closed.IsCompleted);
        foreach (var member in Clients.Select(client => client.Member).Distinct().ToList())
        {
            var passer = await RoomClient.JoinAsync(member, _room, "passer", History);
            await Task.WhenAll(Clients.Select(client => client.UntilShownAsync([.. Clients, passer], Generous)));
            await passer.LeaveAsync();
            await AllShownToAllAsync();
            await passer.DisposeAsync();
        }
    }

    public void MustBeFlawless(params IReadOnlyList<Excuse> excuses)
    {
        var findings = HistoryChecker.Check(History.Events, excuses);
        Assert.True(findings.Count == 0, $"{string.Join('\n', findings)}\n\n{History.Tail()}");
        _passed?.Invoke();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in Clients)
        {
            await client.DisposeAsync();
        }
    }
}
