using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Options;

namespace Presence.Dashboard.Tests.SignIn;

public sealed class Credentials
{
    [Theory]
    [InlineData("admin", "secret", true)]
    [InlineData("admin", "Secret", false)]
    [InlineData("admin", "secret ", false)]
    [InlineData("admin", "", false)]
    [InlineData("Admin", "secret", false)]
    [InlineData("", "secret", false)]
    [InlineData("", "", false)]
    public void Only_the_exact_pair_matches(string user, string password, bool matches) =>
        Assert.Equal(matches, Of("secret", "Production").Matches(user, password));

    [Fact]
    public void Development_makes_up_a_password_that_differs_every_time()
    {
        var (first, second) = (Of(null, "Development"), Of("", "Development"));
        Assert.True(first.Matches("admin", first.Generated!));
        Assert.True(first.Generated!.Length >= 20);
        Assert.NotEqual(first.Generated, second.Generated);
    }

    [Theory]
    [InlineData("Production")]
    [InlineData("Staging")]
    public void No_other_environment_makes_one_up_and_then_nothing_matches(string environment)
    {
        var credentials = Of(null, environment);
        Assert.False(credentials.Available);
        Assert.Null(credentials.Generated);
        Assert.False(credentials.Matches("admin", ""));
    }

    [Fact]
    public void A_configured_password_is_never_shown() => Assert.Null(Of("secret", "Development").Generated);

    [Fact]
    public void The_fingerprint_is_the_same_on_all_members_and_changes_with_the_password()
    {
        Assert.Equal(Of("secret", "Production").Fingerprint, Of("secret", "Development").Fingerprint);
        Assert.NotEqual(Of("secret", "Production").Fingerprint, Of("other", "Production").Fingerprint);
    }

    [Theory]
    [InlineData("User", "")]
    [InlineData("User", "a:b")]
    [InlineData("TokenLifetime", "00:00:59")]
    [InlineData("MaxFailures", "0")]
    [InlineData("FailureWindow", "00:00:00")]
    [InlineData("MaxBodyBytes", "1")]
    public void A_bad_option_is_named_with_its_value_and_rule(string option, string value)
    {
        var options = new PresenceAdminOptions();
        var property = typeof(PresenceAdminOptions).GetProperty(option)!;
        property.SetValue(options, property.PropertyType == typeof(TimeSpan)
            ? TimeSpan.Parse(value, null)
            : Convert.ChangeType(value, property.PropertyType, null));
        var e = Assert.Throws<PresenceOptionsException>(options.Validate);
        Assert.Equal(option, e.Option);
        Assert.StartsWith($"Presence:Admin:{option} is ", e.Message, StringComparison.Ordinal);
        Assert.Contains(" must ", e.Message, StringComparison.Ordinal);
    }

    private static AdminCredentials Of(string? password, string environment) =>
        new(Options.Create(new PresenceAdminOptions { Password = password }), new HostingEnvironment { EnvironmentName = environment });
}
