namespace Presence.Grains.Tests.Unique;

/// <summary>Unique processes in available mode, elected by the grain, on three silos.</summary>
[Trait("Category", "Orleans")]
public class UniqueProcessGrainTests
{
    private readonly Watch _watch = new();

    [Fact]
    public async Task Process_runs_on_one_of_three_silos_and_the_grain_and_every_directory_name_it()
    {
        await using var cluster = await UniqueCluster.StartAsync(watch: _watch);
        var holder = await cluster.StartsAsync(1);
        var status = await cluster.StatusAsync(s => s.Node is not null && s.Standbys.Count == 2);
        Assert.Equal(
            ("job", UniqueProcessMode.Available, holder, null), (status.Name, status.Mode, status.Node, status.Epoch));
        Assert.NotNull(status.Since);
        foreach (var silo in cluster.Presence.Silos)
        {
            var directory = cluster.Presence.ServiceOf<IUniqueProcessDirectory>(silo);
            await KnowsAsync(cluster, silo, () => directory.Find("job") is { Standbys.Count: 2 } s && s.Node == holder);
        }

        var listed = Assert.Single(await cluster.Directory.List());
        Assert.Equal((holder, 2), (listed.Node, listed.Standbys.Count));
        Assert.Equal(holder, (await cluster.Directory.Find("job"))!.Node);
        Assert.Null(await cluster.Directory.Find("no such"));
        Assert.Null(await cluster.Presence.Orleans.Client.GetGrain<IUniqueProcessGrain>("no such").Status());
        Assert.Single(cluster.Starts());
    }

    [Fact]
    public async Task Killed_holder_is_replaced_and_so_is_the_next()
    {
        var inherited = _watch.HandOverNames();
        await using var cluster = await UniqueCluster.StartAsync(watch: _watch);
        for (var start = 1; start <= 2; start++)
        {
            var holder = await cluster.StartsAsync(start);
            await cluster.StatusAsync(s => s.Node == holder && s.Standbys.Count == 3 - start);
            await cluster.CrashAsync(holder);
        }

        await cluster.StartsAsync(3);
        Assert.Equal(3, cluster.Starts().Distinct().Count());
        Assert.Empty(inherited.All);
    }

    [Fact]
    public async Task Stopping_holder_ends_its_process_first_and_the_next_gets_the_handover_state()
    {
        var inherited = _watch.HandOverNames();
        await using var cluster = await UniqueCluster.StartAsync(watch: _watch);
        var first = await cluster.StartsAsync(1);
        await cluster.StatusAsync(s => s.Standbys.Count == 2);
        await cluster.Presence.Orleans.StopSiloAsync(cluster.SiloOf(first));
        Assert.Equal($"from {first}", await inherited.FirstAsync(_ => true));
        var second = await cluster.StartsAsync(2);
        await cluster.Presence.Orleans.StopSiloAsync(cluster.SiloOf(second));
        Assert.Equal($"from {second}", await inherited.FirstAsync(i => i != $"from {first}"));
        var third = await cluster.StartsAsync(3);
        Assert.Equal(
            [
                $"{first} starts",
                $"{first} ends: Shutdown",
                $"{second} starts",
                $"{second} ends: Shutdown",
                $"{third} starts",
            ],
            _watch.Seen);
        Assert.Equal(1, _watch.MaxAtOnce);
    }

    [Fact]
    public async Task Handover_state_waits_for_a_node_whose_reports_were_lost()
    {
        var inherited = _watch.HandOverNames();
        await using var cluster = await UniqueCluster.StartAsync(silos: 1, watch: _watch);
        var first = await cluster.StartsAsync(1);
        cluster.Faults.LosesReports = cluster.SiloOf(first).SiloAddress;
        var second = cluster.NameOf(await cluster.Presence.Orleans.StartAdditionalSiloAsync());
        var tracker = cluster.Presence.TrackerOf(cluster.SiloOf(first));
        await TestTimeouts.UntilAsync(
            "the first knows the second", TimeSpan.FromSeconds(30), () => tracker.Replicas().Count == 1);
        await cluster.Presence.Orleans.StopSiloAsync(cluster.SiloOf(first));
        Assert.Equal($"from {first}", await inherited.FirstAsync(_ => true));
        Assert.Equal(second, await cluster.StartsAsync(2));
    }

    [Fact]
    public async Task Orleans_client_can_request_a_handover()
    {
        var inherited = _watch.HandOverNames();
        await using var cluster = await UniqueCluster.StartAsync(watch: _watch);
        var first = await cluster.StartsAsync(1);
        await cluster.StatusAsync(s => s.Node == first && s.Standbys.Count == 2);
        Assert.True(await cluster.Grain.HandOver());
        var second = await cluster.StartsAsync(2);
        Assert.NotEqual(first, second);
        Assert.Equal([$"{first} starts", $"{first} ends: HandedOver", $"{second} starts"], _watch.Seen);
        Assert.Equal($"from {first}", await inherited.FirstAsync(_ => true));
        Assert.Equal(1, _watch.MaxAtOnce);
        Assert.False(await cluster.Presence.Orleans.Client.GetGrain<IUniqueProcessGrain>("nobody's").HandOver());
    }

    [Fact]
    public async Task Loss_of_the_grains_silo_moves_no_process_and_the_next_grain_replaces_holders()
    {
        await using var cluster = await UniqueCluster.StartAsync(watch: _watch);
        var holder = await cluster.RunsElsewhereAsync();
        var seen = _watch.Seen.Count;
        await cluster.Presence.Orleans.KillSiloAsync(cluster.ElectionSilo);
        var status = await cluster.StatusAsync(s => s.Node is not null && s.Standbys.Count == 1);
        Assert.Equal(holder, status.Node);
        Assert.Equal(seen, _watch.Seen.Count);
        await cluster.Presence.Orleans.StopSiloAsync(cluster.SiloOf(holder));
        await _watch.UntilAsync(all => all.Count == seen + 2, "it is replaced");
        Assert.Equal($"{holder} ends: Shutdown", _watch.Seen[seen]);
        Assert.Equal(1, _watch.MaxAtOnce);
    }

    [Fact]
    public async Task Disconnected_holder_continues_beside_another_which_stops_with_NameConflict_after_reconnection()
    {
        using var conflicts = new Counted("presence.unique.conflicts");
        using var grants = new Counted("presence.unique.grants");
        using var failures = new Counted("presence.unique.election.failures");
        await using var cluster = await UniqueCluster.StartAsync(
            watch: _watch, configureOrleans: o => o.UniqueLease = TimeSpan.FromSeconds(1.5));
        var first = await cluster.StartsAsync(1);
        cluster.Faults.Cut[first] = true;
        var second = await cluster.StartsAsync(2);
        Assert.NotEqual(first, second);
        Assert.Equal(2, _watch.Running);
        cluster.Faults.Cut.Clear();
        await _watch.UntilAsync($"{second} ends: NameConflict");
        await conflicts.UntilAsync(1);
        await grants.UntilAsync(2);
        await failures.UntilAsync(1);
        var status = await cluster.StatusAsync(s => s.Standbys.Count == 2);
        Assert.Equal(first, status.Node);
        Assert.Equal([$"{first} starts", $"{second} starts", $"{second} ends: NameConflict"], _watch.Seen);
    }

    [Fact]
    public async Task Group_runs_and_ends_together()
    {
        var isFirst = true;
        var end = new TaskCompletionSource();
        _watch.Body = _ => Interlocked.Exchange(ref isFirst, false)
            ? end.Task.ContinueWith(_ => throw new InvalidTimeZoneException(), TaskScheduler.Default)
            : Task.CompletedTask;
        await using var cluster = await UniqueCluster.StartAsync(
            watch: _watch, group: g => g.Add<WatchedService>().Add<Watched>());
        await _watch.UntilAsync(seen => seen.Count == 2, "both start");
        var holder = _watch.Seen.Single(s => s.EndsWith(" service starts", StringComparison.Ordinal))[..^15];
        Assert.Contains($"{holder} starts", _watch.Seen);
        end.SetResult();
        await _watch.UntilAsync($"{holder} service ends: Ended");
        await _watch.UntilAsync(
            seen => seen.Count(s => s.EndsWith(" service starts", StringComparison.Ordinal)) == 2,
            "the group starts again");
        Assert.NotEqual(holder, _watch.Seen.Last(s => s.EndsWith(" service starts", StringComparison.Ordinal))[..^15]);
    }

    [Fact]
    public void Election_options_are_validated()
    {
        Assert.Contains(
            "UniqueLease",
            Assert.Throws<ArgumentException>(
                () => new PresenceOrleansOptions { UniqueLease = TimeSpan.Zero }.Validate()).Message,
            StringComparison.Ordinal);
    }

    private static async Task KnowsAsync(
        UniqueCluster cluster, Orleans.TestingHost.InProcessSiloHandle silo, Func<bool> isSo)
    {
        var changed = new Awaited<bool>();
        using var subscription = cluster.Presence.ServiceOf<IPresenceNode>(silo).GetTracker("unique")
            .Subscribe("job", _ => changed.Add(true));
        changed.Add(true);
        await changed.FirstAsync(_ => isSo());
    }
}
