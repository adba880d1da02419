using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace Presence.Dashboard.Tests.SignIn;

public sealed class SignInTests
{
    [Fact]
    public async Task Name_and_password_are_accepted()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        using var response = await host.Http.GetAsync("/api/topics");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.True(response.Headers.CacheControl?.NoStore);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Basic")]
    [InlineData("Basic ")]
    [InlineData("Basic !!!")]
    [InlineData("Basic YWRtaW4=")]
    [InlineData("Basic /////w==")]
    [InlineData("Bearer ")]
    [InlineData("Bearer forged")]
    [InlineData("Digest x")]
    public async Task Other_credentials_are_answered_with_a_challenge(string? header)
    {
        await using var host = await AdminHost.StartAsync();
        host.Http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", header);
        using var response = await host.Http.GetAsync("/api/topics");
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("Basic realm=", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_is_valid_on_nodes_with_the_same_keys_and_password()
    {
        var keys = new EphemeralDataProtectionProvider();
        await using var first = (await AdminHost.StartAsync(keys: keys)).SignIn();
        await using var second = await AdminHost.StartAsync(keys: keys);
        await using var changed = await AdminHost.StartAsync(o => o.Password = "another password", keys: keys);
        var token = await TokenOf(first);
        Assert.Equal(HttpStatusCode.OK, await StatusWith(second, token));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusWith(changed, token));
        Assert.True(second.Tokens.IsValid(token));
        Assert.False(changed.Tokens.IsValid(token));
    }

    [Fact]
    public async Task Token_expires()
    {
        // Data Protection compares with the wall clock, so a token of a past clock is expired at once.
        await using var host = (await AdminHost.StartAsync()).SignIn();
        host.Time.AdjustTime(host.Time.Start.AddDays(-20_000));
        Assert.False(host.Tokens.IsValid(await TokenOf(host)));
    }

    [Fact]
    public async Task Token_cannot_renew_itself()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        var token = await TokenOf(host);
        host.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Http.PostAsync("/admin/token", null);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task Attempts_are_counted_by_outcome()
    {
        await using var host = await AdminHost.StartAsync(o => o.MaxFailures = 2);
        using var attempts = host.Count("presence.admin.attempts");
        await host.StatusAsync("/api/topics");
        using var right = await host.SignIn().Http.GetAsync("/api/topics");
        host.SignIn(password: "wrong");
        for (var i = 0; i < 3; i++)
        {
            await host.StatusAsync("/api/topics");
        }

        Assert.Equal(["accepted", "rejected", "rejected", "rejected"], Outcomes(attempts));
    }

    [Fact]
    public async Task Attempts_without_a_configured_password_are_counted()
    {
        await using var host = await AdminHost.StartAsync(o => o.Password = null);
        using var attempts = host.Count("presence.admin.attempts");
        using var answer = await host.Http.GetAsync("/api/topics");
        Assert.Equal(["closed"], Outcomes(attempts));
    }

    [Fact]
    public async Task Guessing_is_slowed_and_the_right_password_is_never_locked_out()
    {
        await using var host = (await AdminHost.StartAsync(o => o.MaxFailures = 3)).SignIn(password: "wrong");
        using var attempts = host.Count("presence.admin.attempts");
        for (var i = 0; i < 4; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/api/topics"));
        }

        // From now on one attempt a second: ten wait for their turn, the next is rejected.
        var wrong = Enumerable.Range(0, 10).Select(_ => host.StatusAsync("/api/topics")).ToArray();
        await TestTimeouts.UntilAsync("ten wait", TimeSpan.FromSeconds(20), () =>
            Outcomes(attempts).Count(outcome => outcome is "slowed") == 10);
        using var early = await host.SignIn().Http.GetAsync("/api/topics");
        Assert.Equal(HttpStatusCode.TooManyRequests, early.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(11), early.Headers.RetryAfter?.Delta);

        host.Time.Advance(TimeSpan.FromSeconds(2));
        var right = host.StatusAsync("/api/topics");
        await TestTimeouts.UntilAsync("it waits", TimeSpan.FromSeconds(20), () =>
            Outcomes(attempts).Count(outcome => outcome is "slowed") == 11);
        host.Time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(HttpStatusCode.OK, await right);
        Assert.All(await Task.WhenAll(wrong), status => Assert.Equal(HttpStatusCode.Unauthorized, status));
    }

    [Fact]
    public async Task Token_does_not_wait()
    {
        await using var host = (await AdminHost.StartAsync(o => o.MaxFailures = 1)).SignIn();
        var token = await TokenOf(host);
        host.SignIn(password: "wrong");
        for (var i = 0; i < 2; i++)
        {
            await host.StatusAsync("/api/topics");
        }

        Assert.Equal(HttpStatusCode.OK, await StatusWith(host, token));
    }

    [Fact]
    public async Task Sign_ins_rejections_and_broadcasts_are_in_the_audit_log()
    {
        await using var host = (await AdminHost.StartAsync(o => o.MaxFailures = 100)).SignIn();
        await TokenOf(host);
        using var sent = await host.Http.PostAsJsonAsync(
            "/api/broadcast", new { topic = "room:\u001b1", @event = "news", payload = new { n = 1 } });
        Assert.Equal(HttpStatusCode.OK, sent.StatusCode);
        host.SignIn("ann\n", "wrong");
        for (var i = 0; i < 30; i++)
        {
            await host.StatusAsync("/api/topics");
        }

        Assert.Equal("Admin admin signed in from 127.0.0.1 at /admin/token", host.Audit[0]);
        Assert.StartsWith("Admin admin used /api/broadcast from 127.0.0.1 with the password", host.Audit[1],
            StringComparison.Ordinal);
        Assert.Equal(@"Admin admin broadcast news to room:\u001B1 from 127.0.0.1 (7 bytes)", host.Audit[2]);
        Assert.StartsWith(@"Sign-in as ann\u000A from 127.0.0.1 at /api/topics rejected: wrong", host.Audit[3],
            StringComparison.Ordinal);
        Assert.Equal(13, host.Audit.Length);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("elevenchars")]
    [InlineData("aaaaaaaaaaaaaaaa")]
    [InlineData("Administrator")]
    public async Task Weak_password_stops_the_start_outside_of_Development(string password)
    {
        Action<PresenceDashboardOptions> weak = o => (o.User, o.Password) = ("administrator", password);
        var error = await Assert.ThrowsAsync<Microsoft.Extensions.Options.OptionsValidationException>(
            () => AdminHost.StartAsync(weak));
        Assert.StartsWith("Presence:Admin:Password is too weak", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(password + " ", error.Message, StringComparison.Ordinal);
        await using var host = await AdminHost.StartAsync(weak, "Development");
    }

    [Fact]
    public async Task Request_without_credentials_is_not_a_failed_attempt()
    {
        await using var host = await AdminHost.StartAsync(o => o.MaxFailures = 1);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/api/topics"));
        }
    }

    [Fact]
    public async Task Production_without_a_password_answers_503_with_the_reason()
    {
        await using var host = (await AdminHost.StartAsync(o => o.Password = null)).SignIn(password: "");
        using var response = await host.Http.PostAsync("/admin/token", null);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains(
            "Presence:Admin:Password", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.False(host.Tokens.IsValid(""));
    }

    private static IEnumerable<object?> Outcomes(MetricCollector<long> attempts) =>
        attempts.GetMeasurementSnapshot().Select(m => m.Tags.Values.Single());

    private static async Task<string> TokenOf(AdminHost host)
    {
        using var response = await host.Http.PostAsync("/admin/token", null);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var body = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(host.Time.GetUtcNow() + TimeSpan.FromHours(8), body.GetProperty("expires").GetDateTimeOffset());
        return body.GetProperty("token").GetString()!;
    }

    private static async Task<HttpStatusCode> StatusWith(AdminHost host, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/topics");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Http.SendAsync(request);
        return response.StatusCode;
    }
}
