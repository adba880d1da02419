using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Options;
using Presence.Dashboard.SignIn;

namespace Presence.Dashboard.Tests.SignIn;

public sealed class CredentialTests
{
    [Theory]
    [InlineData("admin", "secret", true)]
    [InlineData("admin", "Secret", false)]
    [InlineData("admin", "secret ", false)]
    [InlineData("admin", "", false)]
    [InlineData("Admin", "secret", false)]
    [InlineData("", "secret", false)]
    [InlineData("", "", false)]
    public void Credentials_match_only_the_exact_pair(string user, string password, bool matches) =>
        Assert.Equal(matches, Of("secret", "Production").Matches(user, password));

    [Fact]
    public void Development_generates_a_different_password_every_time()
    {
        var (first, second) = (Of(null, "Development"), Of("", "Development"));
        Assert.True(first.Matches("admin", first.Generated!));
        Assert.True(first.Generated!.Length >= 20);
        Assert.NotEqual(first.Generated, second.Generated);
    }

    [Theory]
    [InlineData("Production")]
    [InlineData("Staging")]
    public void Other_environments_generate_no_password_and_match_nothing(string environment)
    {
        var credentials = Of(null, environment);
        Assert.False(credentials.Available);
        Assert.Null(credentials.Generated);
        Assert.False(credentials.Matches("admin", ""));
    }

    [Fact]
    public void Configured_password_is_never_shown() => Assert.Null(Of("secret", "Development").Generated);

    [Fact]
    public void Fingerprint_is_the_same_on_all_nodes_and_changes_with_the_password()
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
    public void Invalid_option_is_reported_with_its_value_and_rule(string option, string value)
    {
        var options = new PresenceDashboardOptions();
        var property = typeof(PresenceDashboardOptions).GetProperty(option)!;
        property.SetValue(options, property.PropertyType == typeof(TimeSpan)
            ? TimeSpan.Parse(value, null)
            : Convert.ChangeType(value, property.PropertyType, null));
        var e = Assert.Throws<ArgumentException>(options.Validate);
        Assert.StartsWith($"Presence:Admin:{option} is ", e.Message, StringComparison.Ordinal);
        Assert.Contains(" must ", e.Message, StringComparison.Ordinal);
    }

    private static AdminCredentials Of(string? password, string environment) =>
        new(Options.Create(new PresenceDashboardOptions { Password = password }),
            new HostingEnvironment { EnvironmentName = environment });
}
