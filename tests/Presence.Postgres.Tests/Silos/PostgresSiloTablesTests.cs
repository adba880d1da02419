namespace Presence.Postgres.Tests.Silos;

public sealed class PostgresSiloTablesTests
{
    [SkippableFact]
    [Trait("Category", "Postgres")]
    public async Task Silos_that_start_at_once_create_the_tables_once_and_need_no_right_when_they_exist()
    {
        await using var schema = await Database.OpenAsync();
        var name = $"silos_{schema.Schema}";
        await schema.RunAsync($"CREATE DATABASE {name}");
        await schema.RunAsync($"CREATE ROLE {name} LOGIN PASSWORD 'pw'");
        var text = new NpgsqlConnectionStringBuilder(schema.ConnectionString) { Database = name, Pooling = false };
        try
        {
            await Task.WhenAll(
                Enumerable.Range(0, 8).Select(_ => PostgresSiloTables.CreateAsync(text.ConnectionString)));
            await using var source = NpgsqlDataSource.Create(
                PostgresSiloTables.ConnectionString(text.ConnectionString));
            await using var grant = source.CreateCommand(
                $"GRANT USAGE ON SCHEMA presence_orleans TO {name}; GRANT SELECT ON orleansquery TO {name}");
            await grant.ExecuteNonQueryAsync();
            (text.Username, text.Password) = (name, "pw");
            await PostgresSiloTables.CreateAsync(text.ConnectionString);
        }
        finally
        {
            await schema.RunAsync($"DROP DATABASE {name} WITH (FORCE)");
            await schema.RunAsync($"DROP ROLE {name}");
        }
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Database=x;Username=x")]
    [InlineData("no connection string")]
    public async Task Database_that_cannot_be_reached_is_reported_in_one_line(string connectionString)
    {
        var error = await Assert.ThrowsAsync<PresencePostgresException>(
            () => PostgresSiloTables.CreateAsync(connectionString));
        Assert.StartsWith(
            "The silos' tables in the database of ConnectionStrings:Presence cannot be created: ",
            error.Message,
            StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }
}
