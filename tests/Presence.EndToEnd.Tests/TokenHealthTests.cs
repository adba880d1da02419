namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class TokenHealthTests(ThreeSilos nodes)
{
    [SkippableTheory]
    [InlineData("/health")]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    [InlineData("/")]
    [InlineData("/tracked")]
    [InlineData("/audience")]
    public async Task Nodes_answer(string path)
    {
        NodeScripts.Require();
        for (var node = 0; node < 3; node++)
        {
            using var http = nodes.Anybody(node);
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task Health_is_live_and_ready_and_not_cached()
    {
        using var http = nodes.Anybody();
        foreach (var (path, status) in new[]
        {
            ("/health", "ready"), ("/health/live", "live"), ("/health/ready", "ready"),
        })
        {
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal($"{{\"status\":\"{status}\"}}", await response.Content.ReadAsStringAsync());
            Assert.True(response.Headers.CacheControl?.NoStore);
        }
    }

    [SkippableFact]
    public async Task A_token_is_text_and_needs_a_user()
    {
        using var http = nodes.Anybody();
        Assert.NotEmpty(await http.GetStringAsync("/token?user_id=ann"));
        foreach (var path in new[] { "/token", "/token?user_id=", $"/token?user_id={new string('x', 300)}" })
        {
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        }
    }

    [SkippableFact]
    public async Task Socket_requires_a_token_of_any_node() => await NodeScripts.RunAsync("tokens.mjs", nodes.Nodes);

    [SkippableFact]
    public async Task Pages_allow_no_foreign_or_inline_script()
    {
        NodeScripts.Require();
        using var http = nodes.Anybody();
        using var page = await http.GetAsync("/tracked?user_id=<script>");
        var policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
