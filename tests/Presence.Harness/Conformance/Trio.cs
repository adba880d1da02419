namespace Presence.Harness.Conformance;

/// <summary>Three connected transports of one cluster.</summary>
internal sealed class Trio : IAsyncDisposable
{
    private Trio(ITestCluster cluster) => Cluster = cluster;

    public ITestCluster Cluster { get; }

    public ReceivedFrames AtA { get; } = new();

    public ReceivedFrames AtB { get; } = new();

    public ReceivedFrames AtC { get; } = new();

    public ITestClusterNode A { get; private set; } = null!;

    public ITestClusterNode B { get; private set; } = null!;

    public ITestClusterNode C { get; private set; } = null!;

    public static async Task<Trio> StartAsync(ITestCluster cluster)
    {
        var trio = new Trio(cluster);
        trio.A = await cluster.StartTransportAsync("a", trio.AtA);
        trio.B = await cluster.StartTransportAsync("b", trio.AtB);
        trio.C = await cluster.StartTransportAsync("c", trio.AtC);
        foreach (var (at, others) in new[] { (trio.AtA, "bc"), (trio.AtB, "ac"), (trio.AtC, "ab") })
        {
            foreach (var other in others)
            {
                await at.UntilAsync("joined", other.ToString());
            }
        }

        return trio;
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
