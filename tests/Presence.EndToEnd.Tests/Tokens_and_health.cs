namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class Tokens_and_health(ThreeSilos members)
{
    [SkippableTheory]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    [InlineData("/")]
    [InlineData("/tracked")]
    public async Task Every_member_answers(string path)
    {
        await NodeScripts.BuildPagesAsync();
        for (var member = 0; member < 3; member++)
        {
            using var http = members.Anybody(member);
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_member_says_that_it_lives_and_is_ready_and_nothing_keeps_the_answer()
    {
        using var http = members.Anybody();
        foreach (var status in new[] { "live", "ready" })
        {
            using var response = await http.GetAsync($"/health/{status}");
            Assert.Equal($"{{\"status\":\"{status}\"}}", await response.Content.ReadAsStringAsync());
            Assert.True(response.Headers.CacheControl?.NoStore);
        }
    }

    [SkippableFact]
    public async Task A_token_is_text_and_needs_a_user()
    {
        using var http = members.Anybody();
        Assert.NotEmpty(await http.GetStringAsync("/token?user_id=ann"));
        foreach (var path in new[] { "/token", "/token?user_id=", $"/token?user_id={new string('x', 300)}" })
        {
            using var response = await http.GetAsync(path);
            Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        }
    }

    [SkippableFact]
    public async Task A_socket_opens_with_a_token_of_any_member_and_not_without() =>
        await NodeScripts.RunAsync("tokens.mjs", members.Members);

    [SkippableFact]
    public async Task Pages_allow_no_foreign_or_inline_script()
    {
        await NodeScripts.BuildPagesAsync();
        using var http = members.Anybody();
        using var page = await http.GetAsync("/tracked?user_id=<script>");
        var policy = Assert.Single(page.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("<script>", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
