using Presence.Postgres;

namespace Presence.Grains.Tests.Unique;

/// <summary>Unique processes in consistent mode: the grain acquires leases from a store.</summary>
[Trait("Category", "Orleans")]
public class UniqueLeaseGrainTests
{
    // Long enough that a busy machine renews it.
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(8);

    private readonly Watch _watch = new();
    private readonly MemoryLeaseStore _store = new(TimeProvider.System);
    private readonly Awaited<(string Node, long? Epoch, string Handover)> _terms = new();

    [Fact]
    public async Task Successor_runs_with_a_higher_epoch_and_the_handover_state()
    {
        await using var cluster = await StartAsync();
        var first = await cluster.StartsAsync(1);
        var status = await cluster.StatusAsync(s => s.Node is not null && s.Standbys.Count == 2);
        Assert.Equal((UniqueProcessMode.Consistent, first, 1), (status.Mode, status.Node, status.Epoch));
        await cluster.Presence.Orleans.StopSiloAsync(cluster.SiloOf(first));
        var second = await cluster.StartsAsync(2);
        Assert.Equal((second, 2, first), await _terms.FirstAsync(t => t.Epoch == 2));
        Assert.Equal([$"{first} starts", $"{first} ends: Shutdown", $"{second} starts"], _watch.Seen);
        await cluster.StatusAsync(s => s.Node == second && s.Epoch == 2);
        await CrashAsync(cluster, second);
        var third = await cluster.StartsAsync(3);
        Assert.Equal((third, 3, ""), await _terms.FirstAsync(t => t.Epoch == 3));
        Assert.Equal([1, 2, 3], _store.Given.Select(g => g.Epoch));
    }

    [Fact]
    public async Task Handover_releases_the_lease_and_another_silo_acquires_it()
    {
        await using var cluster = await StartAsync(lease: TimeSpan.FromMinutes(2));
        var first = await cluster.StartsAsync(1);
        await cluster.StatusAsync(s => s.Node == first && s.Standbys.Count == 2);
        Assert.True(await cluster.Grain.HandOver());

        // Long before the lease would have expired: the release was published.
        var second = await cluster.StartsAsync(2);
        Assert.NotEqual(first, second);
        Assert.Equal([$"{first} starts", $"{first} ends: HandedOver", $"{second} starts"], _watch.Seen);
        Assert.Equal((second, 2, first), await _terms.FirstAsync(t => t.Epoch == 2));
    }

    [Fact]
    public async Task Loss_of_the_grains_silo_ends_no_term()
    {
        await using var cluster = await StartAsync(lease: TimeSpan.FromSeconds(8));
        var holder = await cluster.RunsElsewhereAsync();
        var seen = _watch.Seen.Count;
        var epoch = _store.Given[^1].Epoch;
        await cluster.Presence.Orleans.KillSiloAsync(cluster.ElectionSilo);
        var status = await cluster.StatusAsync(s => s.Node is not null && s.Standbys.Count == 1);
        Assert.Equal((holder, epoch), (status.Node, status.Epoch));
        var renewals = _store.Renewals;
        await Harness.TestTimeouts.UntilAsync(
            "it is renewed four times more", TimeSpan.FromSeconds(30), () => _store.Renewals >= renewals + 4);
        Assert.Equal(seen, _watch.Seen.Count);
    }

    [Fact]
    public async Task Holder_disconnected_from_the_store_stops_with_LeaseLost_before_another_starts()
    {
        await using var cluster = await StartAsync();
        var first = await cluster.StartsAsync(1);
        _store.Reaches = holder => !holder.StartsWith($"{first}/", StringComparison.Ordinal);
        var second = await cluster.StartsAsync(2);
        Assert.Equal([$"{first} starts", $"{first} ends: LeaseLost", $"{second} starts"], _watch.Seen);
        Assert.Equal(1, _watch.MaxAtOnce);
        Assert.Equal([1, 2], _store.Given.Select(g => g.Epoch));
    }

    [Fact]
    public async Task Nodes_that_cannot_reach_the_grain_call_the_store_directly()
    {
        await using var cluster = await StartAsync();
        var first = await cluster.StartsAsync(1);
        foreach (var silo in cluster.Presence.Silos)
        {
            cluster.Faults.Cut[cluster.NameOf(silo)] = true;
        }

        await CrashAsync(cluster, first);
        var second = await cluster.StartsAsync(2);
        Assert.Equal((second, 2, ""), await _terms.FirstAsync(t => t.Epoch == 2));
    }

    [Fact]
    public async Task Store_is_called_once_for_all_candidates()
    {
        await using var cluster = await StartAsync(lease: TimeSpan.FromMinutes(2));
        var first = await cluster.StartsAsync(1);
        await cluster.StatusAsync(s => s.Node == first && s.Standbys.Count == 2);
        var asked = 0;
        _store.Reaches = holder =>
            !holder.StartsWith("x/", StringComparison.Ordinal) || Interlocked.Increment(ref asked) > 0;
        var answers = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => cluster.Election.Acquire($"x/{i}", Lease)));
        Assert.All(answers, a => Assert.Equal((false, 1, _store.Given[0].Holder), (a.IsHeld, a.Epoch, a.Holder)));
        Assert.All(answers, a => Assert.InRange(a.Remaining, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2)));
        Assert.Equal(0, asked);
        Assert.Single(_store.Given);
    }

    [Fact]
    public async Task Start_without_a_store_is_rejected_with_a_reason()
    {
        var rejection = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using var cluster = await UniqueCluster.StartAsync(
                o => o.Mode = UniqueProcessMode.Consistent, silos: 1);
        });
        Assert.Contains("durable store", rejection.ToString(), StringComparison.Ordinal);
    }

    [SkippableFact]
    [Trait("Category", "Postgres")]
    public async Task Epoch_equals_that_of_the_lease_in_PostgreSQL()
    {
        var database = (await PostgresServer.SharedAsync()).ConnectionString();
        var schema = $"g{Environment.ProcessId}";
        await using var cluster = await StartAsync(
            services => services.AddPostgresLeases(database, o => o.Schema = schema),
            lease: TimeSpan.FromSeconds(8));
        var first = await cluster.StartsAsync(1);
        Assert.Equal(1, (await cluster.StatusAsync(s => s.Node == first && s.Standbys.Count == 2)).Epoch);
        await cluster.Presence.Orleans.StopSiloAsync(cluster.SiloOf(first));
        var second = await cluster.StartsAsync(2);
        await cluster.Presence.Orleans.KillSiloAsync(cluster.SiloOf(second));
        var third = await cluster.StartsAsync(3);
        Assert.Equal((second, 2, first), await _terms.FirstAsync(t => t.Epoch == 2));
        Assert.Equal(third, (await _terms.FirstAsync(t => t.Epoch == 3)).Node);
        var answer = await cluster.Presence.ServiceOf<ILeaseStore>(cluster.SiloOf(third))
            .AcquireAsync("job", "somebody", Lease, default);
        Assert.Equal((false, 3), (answer.IsHeld, answer.Epoch));
        Assert.StartsWith($"{third}/", answer.Holder, StringComparison.Ordinal);
    }

    private Task CrashAsync(UniqueCluster cluster, string node)
    {
        _store.Reaches = holder => !holder.StartsWith($"{node}/", StringComparison.Ordinal);
        return cluster.CrashAsync(node);
    }

    private Task<UniqueCluster> StartAsync(Action<IServiceCollection>? store = null, TimeSpan? lease = null)
    {
        _watch.Body = context =>
        {
            _terms.Add((context.NodeName, context.Epoch, Encoding.UTF8.GetString(context.HandoverState.Span)));
            context.SetHandoverState(Encoding.UTF8.GetBytes(context.NodeName));
            return Task.CompletedTask;
        };
        return UniqueCluster.StartAsync(
            o =>
            {
                o.Mode = UniqueProcessMode.Consistent;
                o.LeaseDuration = lease ?? Lease;
                o.StopTimeout = TimeSpan.FromMilliseconds(500);
            },
            more: store ?? (services => services.AddSingleton<ILeaseStore>(_store)),
            watch: _watch);
    }
}
