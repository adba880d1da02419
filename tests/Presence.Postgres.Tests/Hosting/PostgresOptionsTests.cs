using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Presence.Postgres.Tests.Hosting;

/// <summary>The options of the lease store come from the configuration; values set in code win.</summary>
public sealed class PostgresOptionsTests
{
    [Fact]
    public void Code_overrides_the_configuration()
    {
        using var provider = Of(
            services => services.Configure<PresencePostgresOptions>(o => o.PollInterval = TimeSpan.FromSeconds(3)),
            ("Presence:Postgres:CommandTimeout", "9s"), ("Presence:Postgres:CreateSchema", "false"), (
                "Presence:Postgres:Schema", "other"));
        var options = provider.GetRequiredService<IOptions<PresencePostgresOptions>>().Value;
        Assert.Equal(("Host=x", "by_code", false), (options.ConnectionString, options.Schema, options.CreateSchema));
        Assert.Equal(
            (TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(3)), (options.CommandTimeout, options.PollInterval));
    }

    [Theory]
    [InlineData("Presence:Postgres:Scheme", "x", "Presence:Postgres:Scheme is not an option: known are ")]
    [InlineData(
        "Presence:Postgres:CommandTimeout",
        "4",
        "Presence:Postgres:CommandTimeout is '4': it must be a duration such as 1500ms")]
    [InlineData(
        "Presence:Postgres:CommandTimeout",
        "4ms",
        "Presence:Postgres:CommandTimeout is '00:00:00.0040000': it must be 1 s to 15 min")]
    public void Invalid_configuration_fails_the_start(string key, string value, string expected)
    {
        using var provider = Of(_ => { }, (key, value));
        var thrown = Assert.Throws<OptionsValidationException>(
            provider.GetRequiredService<IStartupValidator>().Validate);
        Assert.StartsWith(expected, thrown.Message, StringComparison.Ordinal);
    }

    private static ServiceProvider Of(Action<IServiceCollection> later, params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value)).Build();
        var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration);
        services.AddPostgresLeases("Host=x", o => o.Schema = "by_code");
        later(services);
        return services.BuildServiceProvider();
    }
}
