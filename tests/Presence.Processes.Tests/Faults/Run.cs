namespace Presence.Processes.Tests.Faults;

/// <summary>Three silos with a client in the same room on each. The cluster outlives the run.</summary>
internal sealed class Run : IAsyncDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly string _room;
    private readonly Action? _passed;

    private Run(NodeCluster cluster, string room, Action? onFlawless) =>
        (Cluster, _room, _passed) = (cluster, room, onFlawless);

    public NodeCluster Cluster { get; }

    public History History => Cluster.History;

    /// <summary>Gets the clients in the order of their joins.</summary>
    public List<RoomClient> Clients { get; } = [];

    /// <param name="cluster">The cluster, which grows to this many silos.</param>
    /// <param name="room">A room not used before in this cluster.</param>
    /// <param name="onFlawless">Called when the history has no findings.</param>
    public static async Task<Run> StartAsync(NodeCluster cluster, string room, int nodes = 3, Action? onFlawless = null)
    {
        var run = new Run(cluster, room, onFlawless);
        try
        {
            foreach (var node in await cluster.GrowToAsync(nodes))
            {
                await run.JoinAsync(node);
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

    public async Task<RoomClient> JoinAsync(NodeProcess node, string? user = null)
    {
        var client = await RoomClient.JoinAsync(node, _room, user ?? "user-" + node.Name, History);
        Clients.Add(client);
        return client;
    }

    /// <summary>Waits until the connected clients see exactly each other.</summary>
    public Task AllShownToAllAsync()
    {
        Clients.RemoveAll(client => client.Closed.IsCompleted);
        return Task.WhenAll(Clients.Select(client => client.UntilShownAsync(Clients, Generous)));
    }

    /// <summary>
    /// Adds and removes a presence and waits until all saw both, so that earlier changes have arrived.
    /// </summary>
    public async Task SettleAsync()
    {
        Clients.RemoveAll(client => client.Closed.IsCompleted);
        foreach (var node in Clients.Select(client => client.Node).Distinct().ToList())
        {
            var passer = await RoomClient.JoinAsync(node, _room, "passer", History);
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
