using Presence.Dashboard.Pages;

namespace Presence.Dashboard.Tests.Pages;

public sealed class DashboardPageTests
{
    [SkippableFact]
    public async Task Page_is_the_same_for_everybody_and_contains_no_secret()
    {
        await using var host = await BuiltHostAsync();
        using var response = await host.Http.GetAsync("/admin");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/html", response.Content.Headers.ContentType?.MediaType);
        Assert.True(response.Headers.CacheControl?.NoStore);
        Assert.DoesNotContain("presence-token", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Page_restricts_scripts_and_files_to_its_host()
    {
        await using var host = await BuiltHostAsync();
        foreach (var address in new[] { "/admin", await AssetAsync(host, ".js"), await AssetAsync(host, ".css") })
        {
            using var response = await host.Http.GetAsync(address);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
            Assert.Contains(
                "default-src 'none'; script-src 'self'; style-src 'self';", policy, StringComparison.Ordinal);
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
    public async Task Page_links_the_views_of_the_application()
    {
        await using var built = await BuiltHostAsync();
        await using var node = await LiveNode.StartAsync();
        var page = await node.Http.GetStringAsync("/admin");
        Assert.Contains(
            """<a href="#greetings" data-script="/greetings.js">Greetings &amp; more</a>""",
            page,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Upper", "/a.js")]
    [InlineData("", "/a.js")]
    [InlineData("cluster", "/a.js")]
    [InlineData("a", "a.js")]
    public void View_with_an_invalid_id_or_script_is_rejected(string id, string script) =>
        Assert.Throws<ArgumentException>(
        () => new ServiceCollection().AddPresenceDashboardView(new PresenceDashboardView(id, "A view", script)));

    [SkippableTheory]
    [InlineData(".js")]
    [InlineData(".css")]
    public async Task Page_files_have_a_hash_in_their_name_may_be_kept_and_are_not_resent_while_unchanged(string kind)
    {
        await using var host = await BuiltHostAsync();
        var address = await AssetAsync(host, kind);
        Assert.Matches($@"^/admin/assets/dashboard-[\w-]{{8}}\{kind}$", address);
        using var first = await host.Http.GetAsync(address);
        Assert.Contains("immutable", first.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        using var again = new HttpRequestMessage(HttpMethod.Get, address);
        again.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var response = await host.Http.SendAsync(again);
        Assert.Equal(HttpStatusCode.NotModified, response.StatusCode);
    }

    [SkippableFact]
    public async Task Page_contains_a_token_after_Basic_and_rejects_wrong_credentials()
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
    public async Task Assets_contain_only_the_files_of_the_page(string address)
    {
        await using var host = await AdminHost.StartAsync();
        using var response = await host.Http.GetAsync(address);
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [SkippableFact]
    public async Task Page_is_unavailable_without_a_password()
    {
        await using var host = await BuiltHostAsync(o => o.Password = null);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await host.StatusAsync("/admin"));
        using var signIn = await PostAsync(host, """{"user":"admin","password":""}""");
        Assert.Contains("No admin password", await signIn.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sign_in_accepts_name_and_password()
    {
        await using var host = await AdminHost.StartAsync();
        using var response = await PostAsync(
            host, JsonSerializer.Serialize(new { user = "admin", password = AdminHost.Password }));
        var body = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.True(host.Tokens.IsValid(body.GetProperty("token").GetString()));
        Assert.True(response.Headers.CacheControl?.NoStore);
    }

    [Theory]
    [InlineData("admin", "wrong")]
    [InlineData("admin", "")]
    [InlineData("root", AdminHost.Password)]
    public async Task Sign_in_rejects_wrong_credentials_without_an_error_status(string user, string password)
    {
        await using var host = await AdminHost.StartAsync();
        using var response = await PostAsync(host, JsonSerializer.Serialize(new { user, password }));
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("""{"rejected":"The name or password is wrong."}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Sign_in_shares_its_failure_count_with_other_authentication()
    {
        await using var host = await AdminHost.StartAsync(o => o.MaxFailures = 2);
        using var attempts = host.Count("presence.admin.attempts");
        using var first = await PostAsync(host, """{"user":"admin","password":"a"}""");
        host.SignIn(password: "b");
        using var second = await host.Http.GetAsync("/api/topics");
        using var third = await PostAsync(host, """{"user":"admin","password":"c"}""");
        var right = PostAsync(
            host, JsonSerializer.Serialize(new { user = "admin", password = AdminHost.Password }));
        await TestTimeouts.UntilAsync("it is slowed", TimeSpan.FromSeconds(20), () =>
            attempts.GetMeasurementSnapshot().Any(m => m.Tags.Values.Single() is "slowed"));
        host.Time.Advance(TimeSpan.FromSeconds(1));
        using var later = await right;
        Assert.Contains("\"token\"", await later.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("application/x-www-form-urlencoded", "user=admin&password=x", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("text/plain", """{"user":"a","password":"b"}""", HttpStatusCode.UnsupportedMediaType)]
    [InlineData("application/json", """{"user":"a"}""", HttpStatusCode.BadRequest)]
    [InlineData("application/json", """{"user":1,"password":2}""", HttpStatusCode.BadRequest)]
    [InlineData("application/json", "[", HttpStatusCode.BadRequest)]
    [InlineData("application/json", null, HttpStatusCode.RequestEntityTooLarge)]
    public async Task Sign_in_rejects_other_bodies(string type, string? body, HttpStatusCode status)
    {
        await using var host = await AdminHost.StartAsync();
        using var content = new StringContent(
            body ?? new string(' ', 10_000), Encoding.UTF8, new MediaTypeHeaderValue(type));
        using var response = await host.Http.PostAsync("/admin/sign-in", content);
        Assert.Equal(status, response.StatusCode);
    }

    private static Task<HttpResponseMessage> PostAsync(AdminHost host, string body) =>
        host.Http.PostAsync("/admin/sign-in", new StringContent(body, Encoding.UTF8, "application/json"));

    private static async Task<string> AssetAsync(AdminHost host, string extension)
    {
        var page = await host.Http.GetStringAsync("/admin");
        return "/" + page.Split('"').Single(part => part.StartsWith("admin/assets/", StringComparison.Ordinal)
            && part.EndsWith(extension, StringComparison.Ordinal));
    }

    private static async Task<AdminHost> BuiltHostAsync(Action<PresenceDashboardOptions>? configure = null)
    {
        Skip.IfNot(
            DashboardFiles.AreBuilt, "The pages are not built into this assembly: Node.js and npm were missing.");
        return await AdminHost.StartAsync(configure);
    }
}
