namespace Presence.Postgres.Tests.Hosting;

public sealed class OptionsTests
{
    [Theory]
    [InlineData("", "ConnectionStrings:Presence is not set")]
    [InlineData("Host=x;Prot=1", "ConnectionStrings:Presence cannot be read: Couldn't set prot")]
    [InlineData("Database=x", "Host is '': it must be given in ConnectionStrings:Presence")]
    public void Bad_connection_string_is_named(string text, string message)
    {
        var thrown = Assert.Throws<PresencePostgresException>(() => new PresencePostgresOptions { ConnectionString = text }.Validate());
        Assert.Contains(message, thrown.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("Presence", "Schema is 'Presence': it must be 1 to 40 lower-case letters")]
    [InlineData("a;drop", "Schema is 'a;drop'")]
    [InlineData("", "Schema is ''")]
    public void Bad_schema_is_named(string schema, string message)
    {
        var options = new PresencePostgresOptions { ConnectionString = "Host=x", Schema = schema };
        Assert.Contains(message, Assert.Throws<PresencePostgresException>(options.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_duration_has_a_rule_that_the_message_states()
    {
        Action<PresencePostgresOptions>[] wrong = [o => o.CommandTimeout = default, o => o.PollInterval = default];
        Assert.All(wrong, set =>
        {
            var options = new PresencePostgresOptions { ConnectionString = "Host=x" };
            options.Validate();
            set(options);
            Assert.Matches(@"^Presence:Postgres:\w+ is '.*': it must", Assert.Throws<PresencePostgresException>(options.Validate).Message);
        });
    }
}
