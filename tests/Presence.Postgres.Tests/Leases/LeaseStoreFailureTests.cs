namespace Presence.Postgres.Tests.Leases;

/// <summary>Databases that are unusable or fail.</summary>
[Trait("Category", "Postgres")]
public sealed class LeaseStoreFailureTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);

    [SkippableFact]
    public async Task Wrong_password_is_reported_without_the_password()
    {
        var message = await FailureAsync(text => text.Password = "guess me");
        Assert.Contains("rejects this user or password", message, StringComparison.Ordinal);
        Assert.DoesNotContain("guess me", message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Missing_database_is_reported() => Assert.Contains(
        "there is no such database", await FailureAsync(text => text.Database = "nowhere"), StringComparison.Ordinal);

    [SkippableFact]
    public async Task Server_that_does_not_answer_is_reported() => Assert.Contains(
        "no PostgreSQL server answers at 127.0.0.1:1",
        await FailureAsync(text => text.Port = 1),
        StringComparison.Ordinal);

    [SkippableFact]
    public async Task Read_only_standby_is_reported() => Assert.Contains(
        "is read-only",
        await FailureAsync(text => text.Options = "-c default_transaction_read_only=on"),
        StringComparison.Ordinal);

    [SkippableFact]
    public async Task Leases_survive_a_killed_server_and_epochs_keep_growing()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var world = await World.OpenAsync(server);
        var store = world.Store;
        var first = await store.AcquireAsync("x", "ann", Long, default);
        await server.KillAsync();
        await Assert.ThrowsAsync<PresencePostgresException>(
            () => store.RenewAsync("x", "ann", first.Epoch, Long, default).AsTask());
        Assert.NotNull(store.LastError);
        await server.StartAgainAsync();
        var other = await store.AcquireAsync("x", "bob", Long, default);
        Assert.Null(store.LastError);
        Assert.Equal((false, "ann"), (other.IsHeld, other.Holder));
        Assert.True(await store.ReleaseAsync("x", "ann", first.Epoch, default, default));
        Assert.Equal(first.Epoch + 1, (await store.AcquireAsync("x", "bob", Long, default)).Epoch);
    }

    [SkippableFact]
    public async Task Hung_server_is_abandoned_after_the_command_timeout_and_used_again_when_it_answers()
    {
        await using var server = await PostgresServer.StartAsync();
        await using var world = await World.OpenAsync(server, o => o.CommandTimeout = TimeSpan.FromSeconds(1));
        var store = world.Store;
        var first = await store.AcquireAsync("x", "ann", Long, default);
        server.Pause();
        var e = await Assert.ThrowsAsync<PresencePostgresException>(
            () => store.RenewAsync("x", "ann", first.Epoch, Long, default).AsTask());
        Assert.Contains("does not answer in time", e.Message, StringComparison.Ordinal);
        server.Continue();
        Assert.True((await store.RenewAsync("x", "ann", first.Epoch, Long, default)).IsHeld);
    }

    [SkippableFact]
    public async Task Tables_that_were_dropped_are_created_again()
    {
        await using var world = await World.OpenAsync();
        var store = world.Store;
        await store.AcquireAsync("x", "ann", Long, default);
        await world.Database.RunAsync($"DROP SCHEMA {world.Database.Schema} CASCADE");
        await Assert.ThrowsAsync<PresencePostgresException>(
            () => store.RenewAsync("x", "ann", 1, Long, default).AsTask());
        Assert.True((await store.AcquireAsync("x", "ann", Long, default)).IsHeld);
    }

    private static async Task<string> FailureAsync(Action<NpgsqlConnectionStringBuilder> change)
    {
        var database = await Database.OpenAsync();
        var text = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        change(text);
        return await World.FailureAsync(database, o => o.ConnectionString = text.ConnectionString);
    }
}
