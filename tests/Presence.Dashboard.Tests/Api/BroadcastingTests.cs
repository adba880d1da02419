namespace Presence.Dashboard.Tests.Api;

public sealed class BroadcastingTests
{
    [Theory]
    [InlineData("""{"topic":"room:a","event":"hello","payload":{"n":1.50}}""", """{"n":1.50}""")]
    [InlineData("""{"topic":"room:a","event":"hello"}""", "{}")]
    public async Task Payload_is_broadcast_unchanged(string body, string payload)
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        Assert.Equal(HttpStatusCode.OK, await PostAsync(host, body));
        var message = Assert.Single(host.Node.Broadcasts);
        Assert.Equal(("room:a", "hello"), (message.Topic, message.Event));
        Assert.Equal(payload, Encoding.UTF8.GetString(message.Body.Span));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("""{"topic":"t"}""")]
    [InlineData("""{"topic":1,"event":"e"}""")]
    [InlineData("""{"topic":"t","event":""}""")]
    [InlineData("""{"topic":"t","event":"phx_close"}""")]
    [InlineData("""{"topic":"\ud83d","event":"e"}""")]
    [InlineData("""{"topic":"t","event":"e","payload":["\ud83d"]}""")]
    public async Task Invalid_message_is_rejected(string body)
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(host, body));
        Assert.Empty(host.Node.Broadcasts);
    }

    [Fact]
    public async Task Topic_beyond_its_limit_is_rejected()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        var body = $$"""{"topic":"{{new string('t', 300)}}","event":"e"}""";
        Assert.Equal(HttpStatusCode.BadRequest, await PostAsync(host, body));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Body_beyond_its_limit_is_rejected_with_and_without_a_content_length(bool hasLength)
    {
        await using var host = (await AdminHost.StartAsync(o => o.MaxBodyBytes = 1024)).SignIn();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/broadcast");
        request.Content = new StringContent(
            $$"""{"topic":"t","event":"e","payload":"{{new string('x', 2000)}}"}""",
            Encoding.UTF8,
            "application/json");
        request.Headers.TransferEncodingChunked = !hasLength;
        using var response = await host.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
    }

    [Fact]
    public async Task Form_of_another_site_cannot_broadcast()
    {
        await using var host = (await AdminHost.StartAsync()).SignIn();
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, await PostAsync(host, "{}", "text/plain"));
    }

    private static async Task<HttpStatusCode> PostAsync(AdminHost host, string body, string type = "application/json")
    {
        using var content = new StringContent(body, Encoding.UTF8, type);
        using var response = await host.Http.PostAsync("/api/broadcast", content);
        return response.StatusCode;
    }
}
