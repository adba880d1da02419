using Presence.Postgres.Leases;

namespace Presence.Postgres.Tests.Schema;

[Trait("Category", "Postgres")]
public sealed class SchemaTests
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    [SkippableFact]
    public async Task Nodes_that_need_the_tables_at_once_create_them_once()
    {
        await using var database = await Database.OpenAsync();
        var held = await Task.WhenAll(Enumerable.Range(0, 12).Select(async node =>
        {
            await using var source = new PostgresSource(database.Options(), $"n{node}");
            using var store = new PostgresLeaseStore(source, new FakeLogger<PostgresLeaseStore>());
            return (await store.AcquireAsync($"x{node}", "h", Long, default)).IsHeld;
        }));
        Assert.All(held, Assert.True);
    }

    [SkippableFact]
    public async Task Script_creates_the_tables_for_a_role_without_other_privileges()
    {
        await using var database = await Database.OpenAsync();
        var role = $"node_{database.Schema}";
        await database.RunAsync($"CREATE ROLE {role} LOGIN PASSWORD 'pw'");
        try
        {
            await database.RunAsync(PresencePostgresSchema.Script(database.Schema, role));
            // The second run changes nothing.
            await database.RunAsync(PresencePostgresSchema.Script(database.Schema, role));
            using var source = new PostgresSource(
                database.Options(o => (o.ConnectionString, o.CreateSchema) = (As(database, role), false)), "leases");
            using var leases = new PostgresLeaseStore(source, new FakeLogger<PostgresLeaseStore>());
            var lease = await leases.AcquireAsync("x", "h", Long, default);
            Assert.True((await leases.RenewAsync("x", "h", lease.Epoch, Long, default)).IsHeld);
            Assert.True(await leases.ReleaseAsync("x", "h", lease.Epoch, default, default));
        }
        finally
        {
            await database.RunAsync(
                $"DROP OWNED BY {role}; DROP ROLE {role}; DROP SCHEMA IF EXISTS {database.Schema} CASCADE");
        }
    }

    [Fact]
    public void Readme_lists_the_privileges_that_the_script_grants()
    {
        var readme = File.ReadAllLines(Path.Combine(HostFiles.Root, "src", "Presence.Postgres", "README.md"));
        Assert.Equal(
            PresencePostgresSchema.Script(role: "node").Replace("\"", "", StringComparison.Ordinal).Split('\n')
                .Select(line => line.Trim()).Where(line => line.StartsWith("GRANT", StringComparison.Ordinal)),
            readme.Where(line => line.StartsWith("GRANT", StringComparison.Ordinal)));
    }

    [SkippableFact]
    public async Task Missing_privilege_to_create_tables_is_reported_with_the_remedy()
    {
        await using var database = await Database.OpenAsync();
        var role = $"poor_{database.Schema}";
        await database.RunAsync($"CREATE ROLE {role} LOGIN PASSWORD 'pw'");
        try
        {
            var message = await World.FailureAsync(database, o => o.ConnectionString = As(database, role));
            Assert.Contains("lacks a privilege", message, StringComparison.Ordinal);
            Assert.Contains("README of Presence.Postgres", message, StringComparison.Ordinal);
        }
        finally
        {
            await database.RunAsync($"DROP ROLE {role}");
        }
    }

    [SkippableFact]
    public async Task Missing_tables_are_reported_if_CreateSchema_is_false()
    {
        await using var database = await Database.OpenAsync();
        Assert.Contains(
            "CreateSchema is false: run PresencePostgresSchema.Script",
            await World.FailureAsync(database, o => o.CreateSchema = false),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Tables_of_a_newer_version_are_rejected()
    {
        await using var database = await Database.OpenAsync();
        await database.RunAsync(PresencePostgresSchema.Script(database.Schema));
        await database.RunAsync($"UPDATE {database.Schema}.version SET version = 99");
        Assert.Contains(
            "have version 99, this library works with 1: use a newer library",
            await World.FailureAsync(database, _ => { }),
            StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Schemas_keep_separate_leases()
    {
        await using var one = await Database.OpenAsync();
        await using var two = await Database.OpenAsync();
        foreach (var database in new[] { one, two })
        {
            await using var source = new PostgresSource(database.Options(), "leases");
            using var store = new PostgresLeaseStore(source, new FakeLogger<PostgresLeaseStore>());
            Assert.True((await store.AcquireAsync("x", database.Schema, Long, default)).IsHeld);
        }
    }

    private static string As(Database database, string role) =>
        new NpgsqlConnectionStringBuilder(database.ConnectionString) { Username = role, Password = "pw" }
            .ConnectionString;
}
