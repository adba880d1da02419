using Npgsql;
using Presence.Harness.Conformance;
using Presence.Postgres.Tests.Support;

namespace Presence.Postgres.Tests.Schema;

[Trait("Category", "Engine.Postgres")]
public sealed class Tables
{
    [SkippableFact]
    public async Task Members_that_start_at_once_create_them_once()
    {
        await using var engine = new PostgresEngine(await Database.OpenAsync());
        var heard = Enumerable.Range(0, 12).Select(_ => new HeardFrames()).ToArray();
        var links = await Task.WhenAll(heard.Select((h, i) => engine.StartLinkAsync($"n{i}", h)));
        links[0].Link.Broadcast(new Node.LinkFrame("presence", 0, new byte[] { 1 }));
        await Task.WhenAll(heard[1..].Select(h => h.UntilAsync("frame", "n0")));
    }

    [SkippableFact]
    public async Task The_script_makes_them_for_a_role_that_may_nothing_else()
    {
        await using var database = await Database.OpenAsync();
        var role = $"member_{database.Schema}";
        await database.RunAsync($"CREATE ROLE {role} LOGIN PASSWORD 'pw'");
        try
        {
            await database.RunAsync(PresencePostgresSchema.Script(database.Schema, role));
            // Again: it changes nothing.
            await database.RunAsync(PresencePostgresSchema.Script(database.Schema, role));
            await using (var engine = new PostgresEngine(database, o =>
            {
                o.ConnectionString = As(database, role);
                o.CreateSchema = false;
                o.UpkeepPeriod = TimeSpan.FromSeconds(1);
            }))
            {
                var heard = new HeardFrames();
                var a = await engine.StartLinkAsync("a", new HeardFrames());
                var b = await engine.StartLinkAsync("b", heard);
                a.Link.Broadcast(new Node.LinkFrame("presence", 0, new byte[100_000]));
                await heard.UntilAsync("frame", "a");
                // The sweep and the upkeep have their rights too: after them it is still connected.
                await database.UntilAsync(
                    $"SELECT count(*) >= 2 FROM {database.Schema}.members WHERE seen > (SELECT min(stored) FROM {database.Schema}.frames)");
                Assert.True(a.Link.Status.IsConnected);
                using var source = new PostgresSource(
                    database.Options(o => (o.ConnectionString, o.CreateSchema) = (As(database, role), false)), "leases");
                using var leases = new PostgresLeaseStore(source, new RecordedLog<PostgresLeaseStore>());
                var lease = await leases.AcquireAsync("x", "h", TimeSpan.FromMinutes(1), default);
                Assert.True((await leases.RenewAsync("x", "h", lease.Epoch, TimeSpan.FromMinutes(1), default)).IsHeld);
                Assert.True(await leases.ReleaseAsync("x", "h", lease.Epoch, default, default));
            }
        }
        finally
        {
            await database.RunAsync($"DROP OWNED BY {role}; DROP ROLE {role}; DROP SCHEMA IF EXISTS {database.Schema} CASCADE");
        }
    }

    [Fact]
    public void The_rights_in_the_README_are_those_that_the_script_grants()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Presence.sln")))
        {
            folder = folder.Parent!;
        }

        var readme = File.ReadAllLines(Path.Combine(folder.FullName, "src", "Presence.Postgres", "README.md"));
        Assert.Equal(
            PresencePostgresSchema.Script(role: "member").Replace("\"", "", StringComparison.Ordinal).Split('\n')
                .Select(line => line.Trim()).Where(line => line.StartsWith("GRANT", StringComparison.Ordinal)),
            readme.Where(line => line.StartsWith("GRANT", StringComparison.Ordinal)));
    }

    [SkippableFact]
    public async Task Without_the_right_to_create_them_the_start_says_what_to_do()
    {
        await using var database = await Database.OpenAsync();
        var role = $"poor_{database.Schema}";
        await database.RunAsync($"CREATE ROLE {role} LOGIN PASSWORD 'pw'");
        try
        {
            var message = await FailureAsync(database, o => o.ConnectionString = As(database, role));
            Assert.Contains("lacks a right", message, StringComparison.Ordinal);
            Assert.Contains("README of Presence.Postgres", message, StringComparison.Ordinal);
        }
        finally
        {
            await database.RunAsync($"DROP ROLE {role}");
        }
    }

    [SkippableFact]
    public async Task Where_they_are_not_and_may_not_be_created_the_start_says_so()
    {
        await using var database = await Database.OpenAsync();
        Assert.Contains(
            "CreateSchema is false: run the script",
            await FailureAsync(database, o => o.CreateSchema = false),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Those_of_a_later_library_are_refused()
    {
        await using var database = await Database.OpenAsync();
        await database.RunAsync(PresencePostgresSchema.Script(database.Schema));
        await database.RunAsync($"UPDATE {database.Schema}.version SET version = 99");
        Assert.Contains(
            "have version 99, this library works with 1: use a newer library",
            await FailureAsync(database, _ => { }),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Two_schemas_are_two_clusters()
    {
        var one = new PostgresEngine(await Database.OpenAsync());
        await using var two = new PostgresEngine(await Database.OpenAsync());
        await using (one)
        {
            var (heardByOther, heardByFriend) = (new HeardFrames(), new HeardFrames());
            await two.StartLinkAsync("other", heardByOther);
            await one.StartLinkAsync("friend", heardByFriend);
            var a = await one.StartLinkAsync("a", new HeardFrames());
            a.Link.Broadcast(new Node.LinkFrame("presence", 0, new byte[] { 1 }));
            await heardByFriend.UntilAsync("frame", "a");
            var b = await two.StartLinkAsync("b", new HeardFrames());
            b.Link.Broadcast(new Node.LinkFrame("presence", 0, new byte[] { 1 }));
            await heardByOther.UntilAsync("frame", "b");
            Assert.All(heardByOther.All, h => Assert.Equal("b", h.From));
            Assert.All(heardByFriend.All, h => Assert.Equal("a", h.From));
        }
    }

    [SkippableFact]
    public async Task What_was_stored_for_the_moment_is_swept()
    {
        await using var database = await Database.OpenAsync();
        await using var engine = new PostgresEngine(database, o => o.UpkeepPeriod = TimeSpan.FromSeconds(1));
        await database.RunAsync(PresencePostgresSchema.Script(database.Schema));
        await database.RunAsync($"""
            INSERT INTO {database.Schema}.frames (id, body, stored)
            SELECT md5(i::text)::uuid, '', now() - interval '1 hour' FROM generate_series(1, 2500) i;
            INSERT INTO {database.Schema}.frames (id, body) VALUES (md5('new')::uuid, '');
            INSERT INTO {database.Schema}.members (name, incarnation, session, seen) VALUES ('dead', 1, 1, now() - interval '2 hours')
            """);
        await engine.StartLinkAsync("a", new HeardFrames());
        await database.UntilAsync($"SELECT count(*) = 1 FROM {database.Schema}.frames");
        await database.UntilAsync($"SELECT count(*) = 1 FROM {database.Schema}.members");
    }

    private static string As(Database database, string role) =>
        new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = role, Password = "pw" }.ConnectionString;

    private static async Task<string> FailureAsync(Database database, Action<PresencePostgresOptions> configure)
    {
        await using var engine = new PostgresEngine(database, configure);
        return (await Assert.ThrowsAsync<PresencePostgresException>(() => engine.StartLinkAsync("a", new HeardFrames()))).Message;
    }
}
