using Npgsql;
using Presence.Harness.Conformance;
using Presence.Postgres.Tests.Support;

namespace Presence.Postgres.Tests.Link;

[Trait("Category", "Engine.Postgres")]
public sealed class Starts_that_fail
{
    [Theory]
    [InlineData("", "ConnectionStrings:Presence is not set")]
    [InlineData("Host=x;Prot=1", "ConnectionStrings:Presence cannot be read: Couldn't set prot")]
    [InlineData("Database=x", "Host is '': it must be given in ConnectionStrings:Presence")]
    public void A_bad_connection_string_is_named(string text, string message)
    {
        var thrown = Assert.Throws<PresencePostgresException>(() => new PresencePostgresOptions { ConnectionString = text }.Validate());
        Assert.Contains(message, thrown.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("Presence", "Schema is 'Presence': it must be 1 to 40 lower-case letters")]
    [InlineData("a;drop", "Schema is 'a;drop'")]
    [InlineData("", "Schema is ''")]
    public void A_bad_schema_is_named(string schema, string message)
    {
        var options = new PresencePostgresOptions { ConnectionString = "Host=x", Schema = schema };
        Assert.Contains(message, Assert.Throws<PresencePostgresException>(options.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_number_has_a_rule_that_is_told()
    {
        Action<PresencePostgresOptions>[] wrong =
        [
            o => o.OutboxFrames = 0, o => o.OutboxBytes = 1, o => o.InboxCapacity = 0, o => o.MaxFrameBytes = 1, o => o.MaxFrameAge = default,
            o => o.StartTimeout = default, o => o.CommandTimeout = default, o => o.KeepAlive = default, o => o.MaxReconnectDelay = default,
            o => o.UpkeepPeriod = default,
        ];
        Assert.All(wrong, set =>
        {
            var options = new PresencePostgresOptions { ConnectionString = "Host=x" };
            options.Validate();
            set(options);
            Assert.Matches(@"^Presence:Postgres:\w+ is '.*': it must", Assert.Throws<PresencePostgresException>(options.Validate).Message);
        });
    }

    [SkippableFact]
    public async Task A_wrong_password_is_told_at_once_and_not_repeated()
    {
        var message = await FailureAsync((text, _) => text.Password = "guess me");
        Assert.Contains("refuses this user or password", message, StringComparison.Ordinal);
        Assert.DoesNotContain("guess me", message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_database_that_is_not_there_is_told_at_once() => Assert.Contains(
        "there is no such database", await FailureAsync((text, _) => text.Database = "nowhere"), StringComparison.Ordinal);

    [SkippableFact]
    public async Task A_server_that_does_not_answer_is_told_after_the_patience_of_the_start()
    {
        var message = await FailureAsync((text, options) =>
        {
            text.Port = 1;
            options.StartTimeout = TimeSpan.FromMilliseconds(300);
        });
        Assert.Contains("no PostgreSQL server answers at 127.0.0.1:1", message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_standby_is_told_from_the_primary()
    {
        var message = await FailureAsync((text, options) =>
        {
            text.Options = "-c default_transaction_read_only=on";
            options.StartTimeout = TimeSpan.FromMilliseconds(300);
        });
        Assert.Contains("takes no writes, as a standby does", message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_server_that_comes_up_meanwhile_is_waited_for()
    {
        await using var database = await Database.OpenAsync();
        var text = new NpgsqlConnectionStringBuilder(database.ConnectionString);
        using var wire = new Wire(text.Host!, text.Port);
        wire.Cut();
        text.Port = wire.Port;
        await using var engine = new PostgresEngine(database, o => o.ConnectionString = text.ConnectionString);
        var starting = engine.StartLinkAsync("a", new HeardFrames());
        Assert.False(starting.IsCompleted);
        wire.Mend();
        await starting.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static async Task<string> FailureAsync(Action<NpgsqlConnectionStringBuilder, PresencePostgresOptions> spoil)
    {
        await using var database = await Database.OpenAsync();
        await using var engine = new PostgresEngine(database, options =>
        {
            var text = new NpgsqlConnectionStringBuilder(database.ConnectionString);
            spoil(text, options);
            options.ConnectionString = text.ConnectionString;
        });
        return (await Assert.ThrowsAsync<PresencePostgresException>(() => engine.StartLinkAsync("a", new HeardFrames()))).Message;
    }
}
