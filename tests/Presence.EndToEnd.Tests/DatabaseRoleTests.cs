using Npgsql;
using Presence.Silo.Nodes;

namespace Presence.EndToEnd.Tests;

/// <summary>The roles that the manifests create, in a real server.</summary>
[Trait("Category", "Postgres")]
public sealed class DatabaseRoleTests
{
    [SkippableFact]
    public async Task Nodes_can_work_with_the_tables_of_the_owner_and_change_nothing_else()
    {
        PostgresServer.Require();
        await using var server = await PostgresServer.StartAsync();
        var (before, after) = Roles();
        foreach (var statement in before)
        {
            await server.RunAsync(statement);
        }

        await using (var admin = NpgsqlDataSource.Create(server.ConnectionString("presence")))
        {
            await using var connection = await admin.OpenConnectionAsync();
            await using var command = new NpgsqlCommand(after, connection);
            await command.ExecuteNonQueryAsync();
        }

        using var output = new StringWriter();
        using var error = new StringWriter();
        var owner = As(server, "presence_owner", "owner's");
        string[] create = ["--create-schema", "--ConnectionStrings:Presence", owner];
        Assert.Equal((0, ""), (await SiloProgram.RunAsync(create, output, error), error.ToString()));

        // As a node.
        var node = As(server, "presence", "node's");
        await PostgresSiloTables.CreateAsync(node);
        var keys = Database.OpenKeys(node);
        keys.StoreElement(new System.Xml.Linq.XElement("key"), "a");
        Assert.Single(keys.GetAllElements());
        await using var source = NpgsqlDataSource.Create(node);
        foreach (var (sql, state) in new[]
        {
            ("CREATE TABLE presence.t (a int)", PostgresErrorCodes.InsufficientPrivilege),
            ("CREATE TABLE public.t (a int)", PostgresErrorCodes.InsufficientPrivilege),
            ("CREATE SCHEMA s", PostgresErrorCodes.InsufficientPrivilege),
            ("CREATE ROLE r", PostgresErrorCodes.InsufficientPrivilege),
            ("DROP TABLE presence_keys.keys", PostgresErrorCodes.InsufficientPrivilege),
            ("COPY (SELECT 1) TO PROGRAM 'true'", PostgresErrorCodes.InsufficientPrivilege),
        })
        {
            await using var command = source.CreateCommand(sql);
            var thrown = await Assert.ThrowsAsync<PostgresException>(() => command.ExecuteNonQueryAsync());
            Assert.Equal((sql, state), (sql, thrown.SqlState));
        }
    }

    /// <summary>Returns the statements before and after the connection to the new database.</summary>
    private static (string[] Before, string After) Roles()
    {
        var manifest = File.ReadAllText(Path.Combine(HostFiles.Root, "deploy", "k8s", "postgres.yaml"));
        var begin = manifest.IndexOf("roles.psql: |\n", StringComparison.Ordinal) + "roles.psql: |\n".Length;
        var sql = manifest[begin..manifest.IndexOf("---", begin, StringComparison.Ordinal)]
            .Replace(":'owner_password'", "'owner''s'", StringComparison.Ordinal)
            .Replace(":'node_password'", "'node''s'", StringComparison.Ordinal);
        var parts = sql.Split("\\connect presence");
        return ([.. parts[0].Split(';', StringSplitOptions.TrimEntries).Where(s => s.Length > 0)], parts[1]);
    }

    private static string As(PostgresServer server, string user, string password) =>
        new NpgsqlConnectionStringBuilder(server.ConnectionString("presence")) { Username = user, Password = password }
            .ConnectionString;
}
