using System.Collections.Concurrent;

namespace Presence.Postgres.Tests.Leases;

[Trait("Category", "Postgres")]
public sealed class LeaseStoreTests : IAsyncLifetime
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private World _world = null!;

    private PostgresLeaseStore Store => _world.Store;

    public async Task InitializeAsync() => _world = await World.OpenAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [SkippableFact]
    public async Task The_first_who_asks_gets_it_and_others_learn_who_has_it()
    {
        var mine = await Store.AcquireAsync("x", "ann", Long, default);
        Assert.Equal((true, 1, "ann", Long), (mine.IsHeld, mine.Epoch, mine.Holder, mine.Remaining));
        var other = await Store.AcquireAsync("x", "bob", Long, default);
        Assert.Equal((false, 1, "ann"), (other.IsHeld, other.Epoch, other.Holder));
        Assert.InRange(other.Remaining, TimeSpan.FromSeconds(1), Long);
        Assert.True((await Store.AcquireAsync("y", "bob", Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task Asked_again_by_its_holder_it_is_renewed_with_the_same_epoch()
    {
        await Store.AcquireAsync("x", "ann", TimeSpan.FromMinutes(1), default);
        var again = await Store.AcquireAsync("x", "ann", Long, default);
        Assert.Equal((true, 1), (again.IsHeld, again.Epoch));
        Assert.InRange((await Store.AcquireAsync("x", "bob", Long, default)).Remaining, TimeSpan.FromMinutes(2), Long);
    }

    [SkippableFact]
    public async Task One_that_has_run_out_is_taken_with_a_higher_epoch_and_not_renewed()
    {
        var first = await Store.AcquireAsync("x", "ann", Short, default);
        var second = await _world.UntilHeldAsync("x", "bob", Long);
        Assert.Equal(first.Epoch + 1, second.Epoch);
        var late = await Store.RenewAsync("x", "ann", first.Epoch, Long, default);
        Assert.Equal((false, 2, "bob"), (late.IsHeld, late.Epoch, late.Holder));
        Assert.False(await Store.ReleaseAsync("x", "ann", first.Epoch, default, default));
        Assert.True((await Store.RenewAsync("x", "bob", second.Epoch, Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task One_that_has_run_out_is_over_for_its_holder_even_if_nobody_took_it()
    {
        var first = await Store.AcquireAsync("x", "ann", Short, default);
        await _world.Database.UntilAsync($"SELECT until < clock_timestamp() FROM {_world.Database.Schema}.leases");
        var late = await Store.RenewAsync("x", "ann", first.Epoch, Long, default);
        Assert.Equal((false, 1, null, TimeSpan.Zero), (late.IsHeld, late.Epoch, late.Holder, late.Remaining));
        Assert.False(await Store.ReleaseAsync("x", "ann", first.Epoch, default, default));
        Assert.Equal(2, (await Store.AcquireAsync("x", "ann", Long, default)).Epoch);
    }

    [SkippableFact]
    public async Task A_renewal_makes_it_last()
    {
        var mine = await Store.AcquireAsync("x", "ann", TimeSpan.FromSeconds(20), default);
        Assert.True((await Store.RenewAsync("x", "ann", mine.Epoch, Long, default)).IsHeld);
        Assert.InRange((await Store.AcquireAsync("x", "bob", Long, default)).Remaining, TimeSpan.FromMinutes(1), Long);
        Assert.False((await Store.RenewAsync("x", "ann", mine.Epoch + 1, Long, default)).IsHeld);
        Assert.False((await Store.RenewAsync("x", "bob", mine.Epoch, Long, default)).IsHeld);
        Assert.False((await Store.RenewAsync("nothing", "bob", 1, Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task What_is_left_on_release_is_found_by_the_next_holder_and_no_later_one()
    {
        var first = await Store.AcquireAsync("x", "ann", Long, default);
        Assert.True(await Store.ReleaseAsync("x", "ann", first.Epoch, new byte[] { 1, 2, 3 }, default));
        Assert.False(await Store.ReleaseAsync("x", "ann", first.Epoch, new byte[] { 9 }, default));
        var second = await Store.AcquireAsync("x", "bob", Short, default);
        Assert.Equal(2, second.Epoch);
        Assert.Equal(new byte[] { 1, 2, 3 }, second.State.ToArray());
        var third = await _world.UntilHeldAsync("x", "cid", Long);
        Assert.Equal(3, third.Epoch);
        Assert.True(third.State.IsEmpty);
    }

    [SkippableFact]
    public async Task An_answer_that_was_lost_may_be_asked_for_again_with_what_was_left()
    {
        var first = await Store.AcquireAsync("x", "ann", Long, default);
        await Store.ReleaseAsync("x", "ann", first.Epoch, new byte[] { 1 }, default);
        await Store.AcquireAsync("x", "bob", Long, default);
        var again = await Store.AcquireAsync("x", "bob", Long, default);
        Assert.Equal((2, 1), (again.Epoch, again.State.Length));
        await Store.RenewAsync("x", "bob", 2, Long, default);
        Assert.True((await Store.AcquireAsync("x", "bob", Long, default)).State.IsEmpty);
    }

    [SkippableFact]
    public async Task Epochs_grow_for_ever_whoever_holds_and_releases()
    {
        for (var epoch = 1; epoch <= 50; epoch++)
        {
            var lease = await Store.AcquireAsync("x", $"h{epoch % 3}", Long, default);
            Assert.Equal((true, epoch), (lease.IsHeld, lease.Epoch));
            Assert.True(await Store.ReleaseAsync("x", $"h{epoch % 3}", epoch, default, default));
        }
    }

    [SkippableFact]
    public async Task Of_many_who_ask_at_once_one_gets_it_and_no_epoch_has_two_holders()
    {
        var holders = new ConcurrentDictionary<long, string>();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(contender => Task.Run(async () =>
        {
            for (var attempt = 0; attempt < 40; attempt++)
            {
                var holder = $"{contender}/{attempt}";
                // Some run out on their own while others ask, some are released.
                var lasts = attempt % 2 == 0 ? TimeSpan.FromMilliseconds(2) : Long;
                var lease = await Store.AcquireAsync("x", holder, lasts, default);
                if (lease.IsHeld)
                {
                    Assert.True(holders.TryAdd(lease.Epoch, holder), $"epoch {lease.Epoch} has two holders");
                    await Store.ReleaseAsync("x", holder, lease.Epoch, default, default);
                }
            }
        })));
        Assert.NotEmpty(holders);
        var last = await _world.Database.ReadAsync<long>($"SELECT epoch FROM {_world.Database.Schema}.leases");
        Assert.Equal(holders.Keys.Max(), last);
        Assert.Equal(Enumerable.Range(1, holders.Count).Select(e => (long)e), holders.Keys.Order());
    }

    [SkippableFact]
    public async Task The_first_row_of_a_name_is_made_once_by_many_who_ask_at_once()
    {
        for (var round = 0; round < 20; round++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(
                c => Store.AcquireAsync($"x{round}", $"c{c}", Long, default).AsTask()));
            var held = Assert.Single(answers, a => a.IsHeld);
            Assert.All(answers, a => Assert.Equal((held.Holder, 1), (a.Holder, a.Epoch)));
        }
    }

    [SkippableFact]
    public async Task Released_lease_calls_back_those_who_watch_its_name_alone()
    {
        var mine = await Store.AcquireAsync("x", "ann", Long, default);
        await Store.AcquireAsync("y", "ann", Long, default);
        var (told, toldOther) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        using var watch = Store.WatchReleases("x", () => told.Release());
        using var other = Store.WatchReleases("y", () => toldOther.Release());
        Assert.True(await Store.ReleaseAsync("x", "ann", mine.Epoch, default, default));
        Assert.True(await told.WaitAsync(Patience));
        Assert.Equal(0, toldOther.CurrentCount);
    }

    [SkippableFact]
    public async Task Lease_that_has_run_out_calls_back_too_and_nobody_who_watches_no_more()
    {
        await Store.AcquireAsync("x", "ann", Short, default);
        var (told, toldOther) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        using var watch = Store.WatchReleases("x", () => told.Release());
        var other = Store.WatchReleases("x", () => toldOther.Release());
        other.Dispose();
        Assert.True(await told.WaitAsync(Patience));
        Assert.Equal(0, toldOther.CurrentCount);
    }

    [SkippableFact]
    public async Task Watch_goes_on_after_a_failed_poll_and_after_a_callback_that_throws()
    {
        await using var world = await World.OpenWithRelayAsync();
        var store = world.Store;
        await store.AcquireAsync("x", "ann", Short, default);
        world.Relay!.Break();
        var told = new SemaphoreSlim(0);
        using var bad = store.WatchReleases("x", () => throw new InvalidTimeZoneException());
        using var watch = store.WatchReleases("x", () => told.Release());
        await world.Log.UntilAsync("Polling for released leases failed");
        world.Relay.Heal();
        Assert.True(await told.WaitAsync(Patience));
        Assert.True(await told.WaitAsync(Patience));
        await world.Log.UntilAsync("A callback for a released lease failed");
    }

    [SkippableFact]
    public async Task Nobody_polls_while_nobody_watches_and_a_later_watch_polls_again()
    {
        await Store.AcquireAsync("x", "ann", Short, default);
        for (var round = 0; round < 3; round++)
        {
            var told = new SemaphoreSlim(0);
            using var watch = Store.WatchReleases("x", () => told.Release());
            Assert.True(await told.WaitAsync(Patience));
        }
    }

    [SkippableFact]
    public async Task It_is_kept_durably_even_where_the_server_does_not_wait_for_its_disk()
    {
        // Nobody else writes there, and what is not waited for reaches the disk after ten seconds.
        await using var server = await PostgresServer.StartAsync(new PostgresServerOptions
        {
            Settings = new Dictionary<string, string>
            {
                ["synchronous_commit"] = "off",
                ["wal_writer_delay"] = "10s",
                ["autovacuum"] = "off",
            },
        });
        await using var world = await World.OpenAsync(server);
        var lease = await world.Store.AcquireAsync("x", "ann", Long, default);
        await FlushedByAsync(() => world.Store.AcquireAsync("y", "ann", Long, default).AsTask());
        await FlushedByAsync(() => world.Store.RenewAsync("x", "ann", lease.Epoch, Long, default).AsTask());
        await FlushedByAsync(() => world.Store.ReleaseAsync("x", "ann", lease.Epoch, default, default).AsTask());

        async Task FlushedByAsync(Func<Task> change)
        {
            var written = await world.Database.ReadAsync<string>("SELECT pg_current_wal_insert_lsn()::text");
            await change();
            Assert.True(await world.Database.ReadAsync<bool>($"SELECT pg_current_wal_flush_lsn() > '{written}'::pg_lsn"));
        }
    }

    [SkippableFact]
    public async Task What_breaks_a_rule_is_refused()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => Store.AcquireAsync("", "h", Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => Store.AcquireAsync(new string('x', 256), "h", Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => Store.AcquireAsync("x", new string('h', 513), Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => Store.AcquireAsync("x", "a\0b", Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => Store.AcquireAsync("x", "h", TimeSpan.Zero, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => Store.ReleaseAsync("x", "h", 1, new byte[64 * 1024 + 1], default).AsTask());
        var lease = await Store.AcquireAsync("x", "h", Long, default);
        Assert.True(await Store.ReleaseAsync("x", "h", lease.Epoch, new byte[64 * 1024], default));
    }

    [SkippableFact]
    public async Task A_store_that_is_not_reached_throws_and_says_why()
    {
        await using var world = await World.OpenWithRelayAsync();
        var store = world.Store;
        await store.AcquireAsync("x", "h", Long, default);
        world.Relay!.Break();
        await Assert.ThrowsAsync<PresencePostgresException>(() => store.RenewAsync("x", "h", 1, Long, default).AsTask());
        world.Relay.Heal();
        Assert.True((await store.RenewAsync("x", "h", 1, Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task To_give_up_a_renewal_blocks_nobody_while_the_server_is_out_of_reach()
    {
        await using var world = await World.OpenWithRelayAsync(o => o.CommandTimeout = Long);
        var (store, relay) = (world.Store, world.Relay!);
        var held = await store.AcquireAsync("x", "ann", Long, default);
        using var giveUp = new CancellationTokenSource();
        relay.Cut();
        var renewing = store.RenewAsync("x", "ann", held.Epoch, Long, giveUp.Token).AsTask();
        await Harness.Patience.UntilAsync("the statement is under way", Patience, () => relay.IsHolding);
        await Task.Run(giveUp.Cancel).WaitAsync(Patience);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => renewing.WaitAsync(Patience));
        relay.Heal();
        Assert.True((await store.AcquireAsync("x", "ann", Long, default)).IsHeld);
    }
}
