using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace Presence.Dashboard.Tests.SignIn;

public sealed class Signing_in
{
    [Fact]
    public async Task Name_and_password_open_the_door()
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
    public async Task Anything_else_is_told_how_to_sign_in(string? header)
    {
        await using var host = await AdminHost.StartAsync();
        host.Http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", header);
        using var response = await host.Http.GetAsync("/api/topics");
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith("Basic realm=", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_opens_the_door_on_a_member_with_the_same_keys_and_password()
    {
        var keys = new EphemeralDataProtectionProvider();
        await using var first = (await AdminHost.StartAsync(keys: keys)).SignIn();
        await using var second = await AdminHost.StartAsync(keys: keys);
        await using var changed = await AdminHost.StartAsync(o => o.Password = "new", keys: keys);
        var token = await TokenOf(first);
        Assert.Equal(HttpStatusCode.OK, await StatusWith(second, token));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusWith(changed, token));
        Assert.True(second.Tokens.IsValid(token));
        Assert.False(changed.Tokens.IsValid(token));
    }

    [Fact]
    public async Task A_token_does_not_outlive_its_time()
    {
        // Data Protection checks the end against the wall clock, so a token of a clock long past is expired at once.
        await using var host = (await AdminHost.StartAsync()).SignIn();
        host.Time.AdjustTime(host.Time.Start.AddDays(-20_000));
        Assert.False(host.Tokens.IsValid(await TokenOf(host)));
    }

    [Fact]
    public async Task A_token_does_not_renew_itself()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        var token = await TokenOf(host);
        host.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await host.Http.PostAsync("/admin/token", null);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
    }

    [Fact]
    public async Task Every_attempt_is_counted_by_its_outcome()
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

        Assert.Equal(["accepted", "refused", "refused", "limited"], Outcomes(attempts));
    }

    [Fact]
    public async Task Attempts_at_a_door_without_a_password_are_counted()
    {
        await using var host = await AdminHost.StartAsync(o => o.Password = null);
        using var attempts = host.Count("presence.admin.attempts");
        using var answer = await host.Http.GetAsync("/api/topics");
        Assert.Equal(["closed"], Outcomes(attempts));
    }

    [Fact]
    public async Task Too_many_failures_make_even_the_right_password_wait()
    {
        await using var host = (await AdminHost.StartAsync(o => o.MaxFailures = 3)).SignIn(password: "wrong");
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/api/topics"));
        }

        host.SignIn();
        using var early = await host.Http.GetAsync("/api/topics");
        Assert.Equal(HttpStatusCode.TooManyRequests, early.StatusCode);
        Assert.Equal(TimeSpan.FromSeconds(60), early.Headers.RetryAfter?.Delta);
        host.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.OK, await host.StatusAsync("/api/topics"));
    }

    [Fact]
    public async Task A_request_without_credentials_is_no_failed_attempt()
    {
        await using var host = await AdminHost.StartAsync(o => o.MaxFailures = 1);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/api/topics"));
        }
    }

    [Fact]
    public async Task Without_a_password_Production_keeps_the_door_shut_and_says_what_is_missing()
    {
        await using var host = (await AdminHost.StartAsync(o => o.Password = null)).SignIn(password: "");
        using var response = await host.Http.PostAsync("/admin/token", null);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("Presence:Admin:Password", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
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
