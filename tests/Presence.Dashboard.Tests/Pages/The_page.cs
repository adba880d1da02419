namespace Presence.Dashboard.Tests.Pages;

public sealed class The_page
{
    [SkippableFact]
    public async Task Is_the_same_for_everybody_and_holds_no_secret()
    {
        await using var host = await BuiltHostAsync();
        using var response = await host.Http.GetAsync("/admin");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        Assert.True(response.Headers.CacheControl?.NoStore);
        Assert.DoesNotContain("presence-token", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Tells_the_browser_to_run_and_load_only_what_is_here()
    {
        await using var host = await BuiltHostAsync();
        foreach (var address in new[] { "/admin", "/admin/assets/dashboard.js", "/admin/assets/dashboard.css" })
        {
            using var response = await host.Http.GetAsync(address);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
            Assert.Contains("default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
            Assert.Equal("DENY", Assert.Single(response.Headers.GetValues("X-Frame-Options")));
            Assert.Equal("no-referrer", Assert.Single(response.Headers.GetValues("Referrer-Policy")));
        }

        var page = await host.Http.GetStringAsync("/admin");
        Assert.DoesNotContain("<script>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("style=", page, StringComparison.Ordinal);
        Assert.DoesNotContain("://", page, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Is_not_sent_again_while_it_has_not_changed()
    {
        await using var host = await BuiltHostAsync();
        using var first = await host.Http.GetAsync("/admin/assets/dashboard.js");
        using var again = new HttpRequestMessage(HttpMethod.Get, "/admin/assets/dashboard.js");
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var response = await host.Http.SendAsync(again);
        Assert.Equal(HttpStatusCode.NotModified, response.StatusCode);
    }

    [SkippableFact]
    public async Task Hands_a_token_to_who_signed_in_with_Basic_and_refuses_wrong_credentials()
    {
        await using var host = (await BuiltHostAsync()).SignIn();
        var page = await host.Http.GetStringAsync("/admin");
        var token = WebUtility.HtmlDecode(page.Split("name=\"presence-token\" content=\"")[1].Split('"')[0]);
        Assert.True(host.Tokens.IsValid(token));
        host.SignIn(password: "wrong");
        Assert.Equal(HttpStatusCode.Unauthorized, await host.StatusAsync("/admin"));
    }

    [Theory]
    [InlineData("/admin/assets/page.html")]
    [InlineData("/admin/assets/nothing.js")]
    [InlineData("/admin/assets/..%2f..%2fappsettings.json")]
    public async Task Serves_its_own_files_alone(string address)
    {
        await using var host = await AdminHost.StartAsync();
        using var response = await host.Http.GetAsync(address);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [SkippableFact]
    public async Task Is_shut_where_no_password_is_configured()
    {
        await using var host = await BuiltHostAsync(o => o.Password = null);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await host.StatusAsync("/admin"));
        using var signIn = await PostAsync(host, """{"user":"admin","password":""}""");
        Assert.Contains("No admin password", await signIn.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Signs_in_by_name_and_password()
    {
        await using var host = await AdminHost.StartAsync();
        using var response = await PostAsync(host, JsonSerializer.Serialize(new { user = "admin", password = AdminHost.Password }));
        var body = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(host.Tokens.IsValid(body.GetProperty("token").GetString()));
        Assert.True(response.Headers.CacheControl?.NoStore);
    }

    [Theory]
    [InlineData("admin", "wrong")]
    [InlineData("admin", "")]
    [InlineData("root", AdminHost.Password)]
    public async Task Refuses_wrong_names_and_passwords_without_an_error_status(string user, string password)
    {
        await using var host = await AdminHost.StartAsync();
        using var response = await PostAsync(host, JsonSerializer.Serialize(new { user, password }));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"refused":"The name or password is wrong."}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Counts_its_failures_with_those_of_the_other_ways_in()
    {
        await using var host = await AdminHost.StartAsync(o => o.MaxFailures = 2);
        using var first = await PostAsync(host, """{"user":"admin","password":"a"}""");
        host.SignIn(password: "b");
        using var second = await host.Http.GetAsync("/api/topics");
        using var third = await PostAsync(host, JsonSerializer.Serialize(new { user = "admin", password = AdminHost.Password }));
        Assert.Contains("Try again in 60 s", await third.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        host.Time.Advance(TimeSpan.FromMinutes(1));
        using var later = await PostAsync(host, JsonSerializer.Serialize(new { user = "admin", password = AdminHost.Password }));
        Assert.Contains("\"token\"", await later.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", "user=admin&password=x", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("text/plain", """{"user":"a","password":"b"}""", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json", """{"user":"a"}""", HttpStatusCode.BadRequest)]
    [InlineData("application/json", """{"user":1,"password":2}""", HttpStatusCode.BadRequest)]
    [InlineData("application/json", "[", HttpStatusCode.BadRequest)]
    [InlineData("application/json", null, HttpStatusCode.RequestEntityTooLarge)]
    public async Task Takes_nothing_else_for_a_sign_in(string type, string? body, HttpStatusCode status)
    {
        await using var host = await AdminHost.StartAsync();
        using var content = new StringContent(body ?? new string(' ', 10_000), Encoding.UTF8, new MediaTypeHeaderValue(type));
        using var response = await host.Http.PostAsync("/admin/sign-in", content);
        Assert.Equal(status, response.StatusCode);
    }

    private static Task<HttpResponseMessage> PostAsync(AdminHost host, string body) =>
        host.Http.PostAsync("/admin/sign-in", new StringContent(body, Encoding.UTF8, "application/json"));

    private static async Task<AdminHost> BuiltHostAsync(Action<PresenceAdminOptions>? configure = null)
    {
        Skip.IfNot(DashboardFiles.AreBuilt, "The pages are not built into this assembly: Node.js and npm were missing.");
        return await AdminHost.StartAsync(configure);
    }
}
