using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Presence.Dashboard.SignIn;

namespace Presence.Dashboard.Tests.SignIn;

public sealed class DashboardOptionsTests
{
    [Fact]
    public void Configured_options_apply()
    {
        using var provider = Of(
            _ => { }, ("Presence:Admin:MaxFailures", "1"), ("Presence:Admin:FailureWindow", "2min"));
        AssertSlowFor(provider, TimeSpan.FromMinutes(2));
    }

    [Fact]
    public void Options_set_later_in_code_apply()
    {
        using var provider = Of(
            services => services.Configure<PresenceDashboardOptions>(
                o => (o.MaxFailures, o.FailureWindow) = (1, TimeSpan.FromMinutes(3))));
        AssertSlowFor(provider, TimeSpan.FromMinutes(3));
    }

    [Theory]
    [InlineData("Presence:Admin:Pasword", "x",
        "Presence:Admin:Pasword is not an option: known are ActionsPolicy, FailureWindow, MaxBodyBytes, MaxFailures,")]
    [InlineData("Presence:Admin:TokenLifetime", "8",
        "Presence:Admin:TokenLifetime is '8': it must be a duration such as 1500ms")]
    [InlineData("Presence:Admin:TokenLifetime", "1s",
        "Presence:Admin:TokenLifetime is 00:00:01: it must be between 1 minute and 7 days")]
    public void Invalid_setting_stops_the_start(string key, string value, string expected)
    {
        using var provider = Of(_ => { }, (key, value));
        var thrown = Assert.Throws<OptionsValidationException>(
            provider.GetRequiredService<IStartupValidator>().Validate);
        Assert.StartsWith(expected, thrown.Message, StringComparison.Ordinal);
    }

    /// <summary>Asserts that one failure makes an address slow for a time.</summary>
    private static void AssertSlowFor(ServiceProvider provider, TimeSpan window)
    {
        var time = (TestTime)provider.GetRequiredService<TimeProvider>();
        var limiter = provider.GetRequiredService<LoginRateLimiter>();
        limiter.Failed(IPAddress.Loopback);
        time.Advance(window - TimeSpan.FromSeconds(1));
        Assert.Equal([0, 1], Enumerable.Range(0, 2).Select(_ => limiter.Take(IPAddress.Loopback).TotalSeconds));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 0], Enumerable.Range(0, 2).Select(_ => limiter.Take(IPAddress.Loopback).TotalSeconds));
    }

    private static ServiceProvider Of(Action<IServiceCollection> later, params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder()
            .AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value)).Build();
        var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddSingleton<TimeProvider>(
            new TestTime());
        services.AddPresenceDashboard();
        later(services);
        return services.BuildServiceProvider();
    }
}
