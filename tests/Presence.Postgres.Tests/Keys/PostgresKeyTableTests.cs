using Presence.Postgres.Keys;

namespace Presence.Postgres.Tests.Keys;

[Trait("Category", "Postgres")]
public sealed class PostgresKeyTableTests
{
    [SkippableFact]
    public async Task Key_that_one_node_writes_is_read_by_another()
    {
        await using var database = await Database.OpenAsync();
        var name = $"key-{database.Schema}";
        try
        {
            var first = new PostgresKeyTable(database.ConnectionString);
            first.Write(name, "<key />");
            first.Write(name, $"<key id=\"{name}\" />");
            Assert.Contains($"<key id=\"{name}\" />", new PostgresKeyTable(database.ConnectionString).Read());
            Assert.DoesNotContain("<key />", first.Read());
        }
        finally
        {
            await database.RunAsync($"DELETE FROM presence_keys.keys WHERE name = '{name}'");
        }
    }
}
