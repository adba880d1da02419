using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Presence.Channels.Tests.Sessions;

/// <summary>Node and channels read the same sections, each its own part of them.</summary>
public sealed class ChannelOptionsTests
{
    [Fact]
    public void Node_and_channels_share_configuration_sections()
    {
        using var provider = Of(
            ("Presence:NodeName", "n"), ("Presence:AllowedOrigins", "a.example, *.b.example"),
            ("Presence:CompressSockets", "true"),
            ("Presence:Limits:MaxTopicBytes", "100"), ("Presence:Limits:MaxKeyBytes", "50"),
            ("Presence:Limits:LongPollTimeout", "5s"));
        provider.GetRequiredService<IStartupValidator>().Validate();
        var (node, options) = (provider.GetRequiredService<IOptions<PresenceOptions>>().Value,
            provider.GetRequiredService<IOptions<ChannelOptions>>().Value);
        var limits = provider.GetRequiredService<IOptions<ChannelLimits>>().Value;
        Assert.Equal(["a.example", "*.b.example"], options.AllowedOrigins);
        Assert.True(options.CompressSockets);
        Assert.Equal(("n", 100, 50), (node.NodeName, node.Limits.MaxTopicBytes, node.Limits.MaxKeyBytes));
        Assert.Equal((100, TimeSpan.FromSeconds(5)), (limits.MaxTopicBytes, limits.LongPollTimeout));
    }

    [Theory]
    [InlineData("Presence:Limits:MaxTopic", "1", "Presence:Limits:MaxTopic is not an option: known are BusyDelay, ")]
    [InlineData("Presence:Limits:LongPollTimeout", "5",
        "Presence:Limits:LongPollTimeout is '5': it must be a duration such as 1500ms")]
    [InlineData("Presence:Limits:MaxSockets", "0",
        "Presence:Limits:MaxSockets is 0: it must be at least 1, or nobody can connect")]
    [InlineData("Presence:Limits:BusyProcessor", "0",
        "Presence:Limits:BusyProcessor is 0: it must be more than 0, and at most 1")]
    [InlineData("Presence:Limits:BusyProcessor", "1.5",
        "Presence:Limits:BusyProcessor is 1.5: it must be more than 0, and at most 1")]
    [InlineData("Presence:CompressSockets", "yes", "Presence:CompressSockets is 'yes': it must be true or false")]
    [InlineData("Presence:AllowedOrigins:0", "a b",
        "Presence:AllowedOrigins is 'a b': it must be hosts such as example.org")]
    public void Invalid_setting_stops_the_start(string key, string value, string expected)
    {
        using var provider = Of((key, value));
        var thrown = Assert.Throws<OptionsValidationException>(
            provider.GetRequiredService<IStartupValidator>().Validate);
        Assert.StartsWith(expected, thrown.Message, StringComparison.Ordinal);
    }

    private static ServiceProvider Of(params (string Key, string Value)[] settings)
    {
        var values = settings.ToDictionary(s => s.Key, s => (string?)s.Value);
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        return new ServiceCollection().AddSingleton<IConfiguration>(configuration)
            .AddPresence().AddChannels(_ => { }).BuildServiceProvider();
    }
}
