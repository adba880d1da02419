using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace Presence.Dashboard.Tests.SignIn;

/// <summary>The options of the admin endpoints come from the configuration and obey code that runs after they were added.</summary>
public sealed class Options_from_configuration
{
    [Fact]
    public void What_is_configured_is_in_force()
    {
        using var provider = Of(_ => { }, ("Presence:Admin:MaxFailures", "1"), ("Presence:Admin:FailureWindow", "2min"));
        Assert.Equal(TimeSpan.FromMinutes(2), WaitAfterOneFailure(provider));
    }

    [Fact]
    public void What_code_sets_later_is_in_force()
    {
        using var provider = Of(
            services => services.Configure<PresenceAdminOptions>(o => (o.MaxFailures, o.FailureWindow) = (1, TimeSpan.FromMinutes(3))));
        Assert.Equal(TimeSpan.FromMinutes(3), WaitAfterOneFailure(provider));
    }

    [Theory]
    [InlineData("Presence:Admin:Pasword", "x", "Presence:Admin:Pasword is not an option: known are FailureWindow, MaxBodyBytes, MaxFailures, Password,")]
    [InlineData("Presence:Admin:TokenLifetime", "8", "Presence:Admin:TokenLifetime is '8': it must be a duration such as 1500ms")]
    [InlineData("Presence:Admin:TokenLifetime", "1s", "Presence:Admin:TokenLifetime is 00:00:01: it must be between 1 minute and 7 days")]
    public void What_cannot_be_meant_stops_the_start(string key, string value, string says)
    {
        using var provider = Of(_ => { }, (key, value));
        var thrown = Assert.Throws<OptionsValidationException>(provider.GetRequiredService<IStartupValidator>().Validate);
        Assert.StartsWith(says, thrown.Message, StringComparison.Ordinal);
    }

    private static TimeSpan? WaitAfterOneFailure(ServiceProvider provider)
    {
        var limiter = provider.GetRequiredService<AttemptLimiter>();
        limiter.Failed(IPAddress.Loopback);
        return limiter.MustWait(IPAddress.Loopback);
    }

    private static ServiceProvider Of(Action<IServiceCollection> later, params (string Key, string Value)[] settings)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value)).Build();
        var services = new ServiceCollection().AddSingleton<IConfiguration>(configuration).AddSingleton<TimeProvider>(new FakeTimeProvider());
        services.AddPresenceAdmin();
        later(services);
        return services.BuildServiceProvider();
    }
}
