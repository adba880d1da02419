using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Presence.Channels.Tests.Transport;

/// <summary>A client by long poll, request by request.</summary>
internal sealed class PollClient(WebHost host, string path = "/open/longpoll?vsn=2.0.0",
    bool tokenInHeader = true) : IDisposable
{
    private readonly HttpClient _http = new() { BaseAddress = host.Address, Timeout = TestClient.Timeout };

    public string? Token { get; set; }
    public string? Origin { get; set; }
    public string? AuthToken { get; set; }
    public HttpResponseHeaders? Headers { get; private set; }

    public static async Task<PollClient> OpenAsync(
        WebHost host, string path = "/open/longpoll?vsn=2.0.0", bool tokenInHeader = true)
    {
        var client = new PollClient(host, path, tokenInHeader);
        var (status, _) = await client.PollAsync();
        Assert.Equal(410, status);
        Assert.NotNull(client.Token);
        return client;
    }

    /// <summary>Polls once; keeps the token of the answer.</summary>
    public async Task<(int Status, string[] Messages)> PollAsync(CancellationToken cancellation = default)
    {
        var answer = await SendAsync(new HttpRequestMessage(HttpMethod.Get, Address), cancellation);
        if (answer.TryGetProperty("token", out var token))
        {
            Token = token.GetString();
        }

        return (
            answer.GetProperty("status").GetInt32(),
            answer.TryGetProperty("messages", out var messages)
                ? [.. messages.EnumerateArray().Select(m => m.GetString()!)]
                : []);
    }

    /// <summary>Polls until a message comes.</summary>
    public async Task<string> NextAsync()
    {
        var (status, messages) = await PollAsync();
        Assert.Equal(200, status);
        return Assert.Single(messages);
    }

    public Task<int> PostAsync(params string[] lines) =>
        PostBodyAsync(Encoding.UTF8.GetBytes(string.Join('\n', lines)), "application/x-ndjson");

    public async Task<int> PostBodyAsync(byte[] body, string contentType)
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        var answer = await SendAsync(new HttpRequestMessage(HttpMethod.Post, Address) { Content = content }, default);
        return answer.GetProperty("status").GetInt32();
    }

    public async Task<HttpResponseMessage> RawAsync(HttpRequestMessage request)
    {
        request.RequestUri ??= new Uri(Address, UriKind.Relative);
        return await _http.SendAsync(request);
    }

    public async Task JoinAsync(string topic)
    {
        Assert.Equal(200, await PostAsync($$"""["1","1","{{topic}}","phx_join",{}]"""));
        Assert.Equal($$$"""["1","1","{{{topic}}}","phx_reply",{"status":"ok","response":{}}]""", await NextAsync());
    }

    public void Dispose() => _http.Dispose();

    private string Address =>
        tokenInHeader ? path : $"{path}&token={(Token is null ? "null" : Uri.EscapeDataString(Token))}";

    private async Task<JsonElement> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        if (tokenInHeader && Token is not null)
        {
            request.Headers.Add("X-Phoenix-Longpoll-Token", Token);
        }

        if (AuthToken is not null)
        {
            request.Headers.Add("X-Phoenix-AuthToken", AuthToken);
        }

        if (Origin is not null)
        {
            request.Headers.Add("Origin", Origin);
        }

        using var response = await _http.SendAsync(request, cancellation);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Headers = response.Headers;
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync(cancellation)).RootElement;
    }
}
