namespace Presence.EndToEnd.Tests;

[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class AdminEndpointTests(ThreeSilos nodes)
{
    [SkippableTheory]
    [InlineData("/api/topics")]
    [InlineData("/api/topic?topic=t")]
    [InlineData("/api/presences?topic=t")]
    [InlineData("/api/key?key=k")]
    [InlineData("/api/cluster")]
    public async Task Endpoints_require_a_sign_in(string path)
    {
        using var http = nodes.Anybody();
        using var response = await http.GetAsync(path);
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains("Basic", response.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Token_of_one_node_is_valid_on_another()
    {
        using var first = nodes.Admin();
        using var issued = await first.PostAsync("/admin/token", null);
        var token = (await issued.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("token").GetString();
        using var third = nodes.Anybody(2);
        third.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var response = await third.GetAsync("/api/cluster");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [SkippableFact]
    public async Task Cluster_contains_all_nodes_and_a_replica_of_each_other_one()
    {
        using var http = nodes.Admin(1);
        var cluster = await http.GetFromJsonAsync<JsonElement>("/api/cluster");
        Assert.Equal("node-2", cluster.GetProperty("node").GetString());
        Assert.Equal(
            ["node-1", "node-2", "node-3"],
            cluster.GetProperty("nodes").EnumerateArray().Select(m => m.GetProperty("name").GetString()).Order());
        Assert.Equal(
            ["node-1", "node-3"],
            cluster.GetProperty("replicas").EnumerateArray().Select(r => r.GetProperty("node").GetString()).Order());
        Assert.All(
            cluster.GetProperty("replicas").EnumerateArray(),
            replica => Assert.Equal("up", replica.GetProperty("status").GetString()));
    }

    [SkippableFact]
    public async Task Presences_of_other_nodes_are_returned_by_every_node() =>
        await NodeScripts.RunAsync("read-api.mjs", [nodes.First, nodes.Third, SiloProcess.Password]);

    [SkippableFact]
    public async Task Invalid_page_size_is_explained()
    {
        using var http = nodes.Admin();
        using var response = await http.GetAsync("/api/topics?limit=0");
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("'limit' must be", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
