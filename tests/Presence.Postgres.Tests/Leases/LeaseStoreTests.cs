using System.Collections.Concurrent;
using Presence.Postgres.Leases;

namespace Presence.Postgres.Tests.Leases;

[Trait("Category", "Postgres")]
public sealed class LeaseStoreTests : IAsyncLifetime
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private World _world = null!;

    private PostgresLeaseStore Store => _world.Store;

    public async Task InitializeAsync() => _world = await World.OpenAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [SkippableFact]
    public async Task First_candidate_acquires_the_lease_and_others_learn_its_holder()
    {
        var mine = await Store.AcquireAsync("x", "ann", Long, default);
        Assert.Equal((true, 1, "ann", Long), (mine.IsHeld, mine.Epoch, mine.Holder, mine.Remaining));
        var other = await Store.AcquireAsync("x", "bob", Long, default);
        Assert.Equal((false, 1, "ann"), (other.IsHeld, other.Epoch, other.Holder));
        Assert.InRange(other.Remaining, TimeSpan.FromSeconds(1), Long);
        Assert.True((await Store.AcquireAsync("y", "bob", Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task Acquire_by_the_holder_renews_with_the_same_epoch()
    {
        await Store.AcquireAsync("x", "ann", TimeSpan.FromMinutes(1), default);
        var again = await Store.AcquireAsync("x", "ann", Long, default);
        Assert.Equal((true, 1), (again.IsHeld, again.Epoch));
        Assert.InRange((await Store.AcquireAsync("x", "bob", Long, default)).Remaining, TimeSpan.FromMinutes(2), Long);
    }

    [SkippableFact]
    public async Task Expired_lease_is_acquired_with_a_higher_epoch_and_cannot_be_renewed()
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
    public async Task Expired_lease_cannot_be_renewed_even_if_nobody_acquired_it()
    {
        var first = await Store.AcquireAsync("x", "ann", Short, default);
        await _world.Database.UntilAsync($"SELECT until < clock_timestamp() FROM {_world.Database.Schema}.leases");
        var late = await Store.RenewAsync("x", "ann", first.Epoch, Long, default);
        Assert.Equal((false, 1, null, TimeSpan.Zero), (late.IsHeld, late.Epoch, late.Holder, late.Remaining));
        Assert.False(await Store.ReleaseAsync("x", "ann", first.Epoch, default, default));
        Assert.Equal(2, (await Store.AcquireAsync("x", "ann", Long, default)).Epoch);
    }

    [SkippableFact]
    public async Task Renewal_extends_the_lease()
    {
        var mine = await Store.AcquireAsync("x", "ann", TimeSpan.FromSeconds(20), default);
        Assert.True((await Store.RenewAsync("x", "ann", mine.Epoch, Long, default)).IsHeld);
        Assert.InRange((await Store.AcquireAsync("x", "bob", Long, default)).Remaining, TimeSpan.FromMinutes(1), Long);
        Assert.False((await Store.RenewAsync("x", "ann", mine.Epoch + 1, Long, default)).IsHeld);
        Assert.False((await Store.RenewAsync("x", "bob", mine.Epoch, Long, default)).IsHeld);
        Assert.False((await Store.RenewAsync("nothing", "bob", 1, Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task Handover_state_goes_to_the_next_holder_only()
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
    public async Task Lost_result_can_be_requested_again_with_the_handover_state()
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
    public async Task Epochs_grow_with_every_holder()
    {
        for (var epoch = 1; epoch <= 50; epoch++)
        {
            var lease = await Store.AcquireAsync("x", $"h{epoch % 3}", Long, default);
            Assert.Equal((true, epoch), (lease.IsHeld, lease.Epoch));
            Assert.True(await Store.ReleaseAsync("x", $"h{epoch % 3}", epoch, default, default));
        }
    }

    [SkippableFact]
    public async Task Concurrent_candidates_never_share_an_epoch()
    {
        var holders = new ConcurrentDictionary<long, string>();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(candidate => Task.Run(async () =>
        {
            for (var attempt = 0; attempt < 40; attempt++)
            {
                var holder = $"{candidate}/{attempt}";
                // Some expire while others try, some are released.
                var duration = attempt % 2 == 0 ? TimeSpan.FromMilliseconds(2) : Long;
                var lease = await Store.AcquireAsync("x", holder, duration, default);
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
    public async Task Concurrent_first_candidates_create_one_row()
    {
        for (var round = 0; round < 20; round++)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 8).Select(
                c => Store.AcquireAsync($"x{round}", $"c{c}", Long, default).AsTask()));
            var held = Assert.Single(results, a => a.IsHeld);
            Assert.All(results, a => Assert.Equal((held.Holder, 1), (a.Holder, a.Epoch)));
        }
    }

    [SkippableFact]
    public async Task Released_lease_calls_back_the_watchers_of_its_name_only()
    {
        var mine = await Store.AcquireAsync("x", "ann", Long, default);
        await Store.AcquireAsync("y", "ann", Long, default);
        var (calls, otherCalls) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        using var watch = Store.OnReleased("x", () => calls.Release());
        using var other = Store.OnReleased("y", () => otherCalls.Release());
        Assert.True(await Store.ReleaseAsync("x", "ann", mine.Epoch, default, default));
        Assert.True(await calls.WaitAsync(Timeout));
        Assert.Equal(0, otherCalls.CurrentCount);
    }

    [SkippableFact]
    public async Task Expired_lease_calls_back_too_except_disposed_watchers()
    {
        await Store.AcquireAsync("x", "ann", Short, default);
        var (calls, otherCalls) = (new SemaphoreSlim(0), new SemaphoreSlim(0));
        using var watch = Store.OnReleased("x", () => calls.Release());
        var other = Store.OnReleased("x", () => otherCalls.Release());
        other.Dispose();
        Assert.True(await calls.WaitAsync(Timeout));
        Assert.Equal(0, otherCalls.CurrentCount);
    }

    [SkippableFact]
    public async Task Watch_continues_after_a_failed_poll_and_a_throwing_callback()
    {
        await using var world = await World.OpenWithRelayAsync();
        var store = world.Store;
        await store.AcquireAsync("x", "ann", Short, default);
        world.Relay!.Break();
        var calls = new SemaphoreSlim(0);
        using var bad = store.OnReleased("x", () => throw new InvalidTimeZoneException());
        using var watch = store.OnReleased("x", () => calls.Release());
        await world.Log.UntilAsync("Polling for released leases failed");
        world.Relay.Heal();
        Assert.True(await calls.WaitAsync(Timeout));
        Assert.True(await calls.WaitAsync(Timeout));
        await world.Log.UntilAsync("Callback for a released lease threw");
    }

    [SkippableFact]
    public async Task Polling_stops_without_watchers_and_resumes_with_the_next()
    {
        await Store.AcquireAsync("x", "ann", Short, default);
        for (var round = 0; round < 3; round++)
        {
            var calls = new SemaphoreSlim(0);
            using var watch = Store.OnReleased("x", () => calls.Release());
            Assert.True(await calls.WaitAsync(Timeout));
        }
    }

    [SkippableFact]
    public async Task Leases_are_durable_even_with_synchronous_commit_off()
    {
        // No other session writes, and asynchronous commits reach the disk after ten seconds.
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
            Assert.True(
                await world.Database.ReadAsync<bool>($"SELECT pg_current_wal_flush_lsn() > '{written}'::pg_lsn"));
        }
    }

    [SkippableFact]
    public async Task Invalid_arguments_are_rejected()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => Store.AcquireAsync("", "h", Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(
            () => Store.AcquireAsync(new string('x', 256), "h", Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(
            () => Store.AcquireAsync("x", new string('h', 513), Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(() => Store.AcquireAsync("x", "a\0b", Long, default).AsTask());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => Store.AcquireAsync("x", "h", TimeSpan.Zero, default).AsTask());
        await Assert.ThrowsAsync<ArgumentException>(
            () => Store.ReleaseAsync("x", "h", 1, new byte[64 * 1024 + 1], default).AsTask());
        var lease = await Store.AcquireAsync("x", "h", Long, default);
        Assert.True(await Store.ReleaseAsync("x", "h", lease.Epoch, new byte[64 * 1024], default));
    }

    [SkippableFact]
    public async Task Unreachable_store_throws_with_the_cause()
    {
        await using var world = await World.OpenWithRelayAsync();
        var store = world.Store;
        await store.AcquireAsync("x", "h", Long, default);
        world.Relay!.Break();
        await Assert.ThrowsAsync<PresencePostgresException>(
            () => store.RenewAsync("x", "h", 1, Long, default).AsTask());
        world.Relay.Heal();
        Assert.True((await store.RenewAsync("x", "h", 1, Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task Cancelling_a_renewal_does_not_block_while_the_server_is_unreachable()
    {
        await using var world = await World.OpenWithRelayAsync(o => o.CommandTimeout = Long);
        var (store, relay) = (world.Store, world.Relay!);
        var held = await store.AcquireAsync("x", "ann", Long, default);
        using var cancel = new CancellationTokenSource();
        relay.Cut();
        var renewing = store.RenewAsync("x", "ann", held.Epoch, Long, cancel.Token).AsTask();
        await Harness.TestTimeouts.UntilAsync("the statement is running", Timeout, () => relay.IsHolding);
        await Task.Run(cancel.Cancel).WaitAsync(Timeout);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => renewing.WaitAsync(Timeout));
        relay.Heal();
        Assert.True((await store.AcquireAsync("x", "ann", Long, default)).IsHeld);
    }
}
