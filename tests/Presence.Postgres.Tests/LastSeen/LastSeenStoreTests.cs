using Presence.Harness.Fakes;
using Presence.Postgres.LastSeen;
using Presence.Postgres.Leases;

namespace Presence.Postgres.Tests.LastSeen;

[Trait("Category", "Postgres")]
public sealed class LastSeenStoreTests
{
    private static readonly DateTimeOffset Now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Retention = TimeSpan.FromDays(1);

    private readonly TestTime _time = new(Now);

    [SkippableFact]
    public async Task Nodes_share_the_latest_time_of_each_key()
    {
        await using var database = await Database.OpenAsync();
        await using var source = new PostgresSource(database.Options(), "a");
        await using var other = new PostgresSource(database.Options(), "b");
        var (one, two) = (Store(source), Store(other));
        await one.WriteAsync([new("ann", Now), new("b\0b", Now.AddHours(-1)), new("é", Now)], default);
        await two.WriteAsync([new("ann", Now.AddHours(-2)), new("b\0b", Now.AddMinutes(-1))], default);
        var found = await one.ReadAsync(["ann", "b\0b", "é", "nobody"], default);
        Assert.Equal(3, found.Count);
        Assert.Equal((Now, Now.AddMinutes(-1)), (found["ann"], found["b\0b"]));
    }

    [SkippableFact]
    public async Task Times_after_the_retention_are_hidden_and_deleted()
    {
        await using var database = await Database.OpenAsync();
        await using var source = new PostgresSource(database.Options(), "a");
        var store = Store(source);
        await store.WriteAsync([new("old", Now), new("new", Now.AddHours(1))], default);
        _time.Advance(Retention);
        Assert.Equal(["new"], (await store.ReadAsync(["old", "new"], default)).Keys);
        await store.WriteAsync([new("new", Now.AddHours(2))], default);
        Assert.Equal(1L, await database.ReadAsync<long>($"SELECT count(*) FROM {database.Schema}.last_seen"));
    }

    [SkippableFact]
    public async Task Table_is_added_to_a_schema_without_it_and_several_writers_do_not_block_each_other()
    {
        await using var database = await Database.OpenAsync();
        await database.RunAsync(PresencePostgresSchema.Script(database.Schema));
        await database.RunAsync($"DROP TABLE {database.Schema}.last_seen");
        await using var source = new PostgresSource(database.Options(), "a");
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async writer =>
        {
            var keys = Enumerable.Range(0, 1000).Select(i => (i + (writer * 7)) % 1000);
            await Store(source).WriteAsync(
                [.. keys.Select(k => KeyValuePair.Create($"k{k}", Now.AddSeconds(writer)))], default);
        }));
        var found = await Store(source).ReadAsync([.. Enumerable.Range(0, 1000).Select(i => $"k{i}")], default);
        Assert.Equal(1000, found.Count);
        Assert.All(found.Values, at => Assert.Equal(Now.AddSeconds(3), at));
    }

    [SkippableFact]
    public async Task Failure_names_the_cause()
    {
        await using var database = await Database.OpenAsync();
        await using var source = new PostgresSource(database.Options(o => o.CreateSchema = false), "a");
        var error = await Assert.ThrowsAsync<PresencePostgresException>(
            async () => await Store(source).WriteAsync([new("ann", Now)], default));
        Assert.Contains("CreateSchema is false", error.Message);
    }

    private PostgresLastSeenStore Store(PostgresSource source) => new(source, Retention, _time);
}
