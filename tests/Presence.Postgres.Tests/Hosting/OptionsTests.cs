namespace Presence.Postgres.Tests.Hosting;

public sealed class OptionsTests
{
    [Theory]
    [InlineData("", "ConnectionStrings:Presence is not set")]
    [InlineData("Host=x;Prot=1", "ConnectionStrings:Presence cannot be read: Couldn't set prot")]
    [InlineData("Database=x", "Host is '': it must be in ConnectionStrings:Presence")]
    public void Invalid_connection_string_is_reported(string text, string message)
    {
        var thrown = Assert.Throws<PresencePostgresException>(
            () => new PresencePostgresOptions { ConnectionString = text }.Validate());
        Assert.Contains(message, thrown.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("Presence", "Schema is 'Presence': it must be 1 to 40 lower-case letters")]
    [InlineData("a;drop", "Schema is 'a;drop'")]
    [InlineData("", "Schema is ''")]
    public void Invalid_schema_is_reported(string schema, string message)
    {
        var options = new PresencePostgresOptions { ConnectionString = "Host=x", Schema = schema };
        Assert.Contains(
            message, Assert.Throws<PresencePostgresException>(options.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Durations_have_rules_that_the_message_states()
    {
        Action<PresencePostgresOptions>[] wrong =
        [
            o => o.CommandTimeout = default, o => o.CommandTimeout = TimeSpan.FromSeconds(901),
            o => o.PollInterval = default, o => o.PollInterval = TimeSpan.FromDays(25),
        ];
        Assert.All(wrong, set =>
        {
            var options = new PresencePostgresOptions { ConnectionString = "Host=x" };
            options.Validate();
            set(options);
            var thrown = Assert.Throws<PresencePostgresException>(options.Validate);
            Assert.Matches(@"^Presence:Postgres:\w+ is '.*': it must", thrown.Message);
        });
    }
}
