namespace Presence.EndToEnd.Tests;

/// <summary>Anonymous clients cannot exhaust the memory of a host with a heap limit.</summary>
[Trait("Category", "Soak")]
public sealed class MemoryAttemptTests
{
    private const int Sessions = 150;
    private const int Pushes = 40;

    [Fact]
    public async Task Long_poll_clients_that_never_poll_cannot_exhaust_768_MiB()
    {
        await using var silo = await SiloProcess.StartAsync(
            [], variables: new() { ["DOTNET_GCHeapHardLimit"] = "0x30000000" });
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]), Timeout = TimeSpan.FromMinutes(2) };
        using var good = await OpenAsync(http);

        // Each answer repeats its push; together they would need more than twice the heap.
        var push = Convert.ToBase64String([0, 1, 1, 4, 6, .. "12pingbinary"u8, .. new byte[180_000]]);
        var attempts = await Task.WhenAll(Enumerable.Range(0, Sessions).Select(async _ =>
        {
            using var hostile = await OpenAsync(http);
            for (var i = 0; i < Pushes; i++)
            {
                if (await hostile.PostAsync(push) != 200)
                {
                    return false;
                }

                if (i % 10 == 0)
                {
                    await good.AnswersAsync();
                }
            }

            return true;
        }));
        Assert.Contains(false, attempts);
        await good.AnswersAsync();
        using var ready = await http.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        Assert.DoesNotContain("OutOfMemory", silo.Output, StringComparison.Ordinal);
    }

    private static async Task<Session> OpenAsync(HttpClient http)
    {
        var session = new Session(http);
        await session.PollAsync();
        Assert.Equal(200, await session.PostAsync("""["1","1","ping","phx_join",{}]"""));
        return session;
    }

    private sealed class Session(HttpClient http) : IDisposable
    {
        private readonly SemaphoreSlim _turn = new(1);
        private string? _token;

        /// <summary>Pushes and polls until the answer has come.</summary>
        public async Task AnswersAsync()
        {
            await _turn.WaitAsync();
            try
            {
                Assert.Equal(200, await PostAsync("""["1","9","ping","ping",{}]"""));
                while (!(await PollAsync()).Contains("pong", StringComparison.Ordinal))
                {
                }
            }
            finally
            {
                _turn.Release();
            }
        }

        public async Task<string> PollAsync()
        {
            var answer = await SendAsync(HttpMethod.Get, null);
            if (answer.TryGetProperty("token", out var token))
            {
                _token = token.GetString();
            }

            Assert.NotEqual(500, answer.GetProperty("status").GetInt32());
            return answer.GetRawText();
        }

        public async Task<int> PostAsync(string line) =>
            (await SendAsync(HttpMethod.Post, line)).GetProperty("status").GetInt32();

        public void Dispose() => _turn.Dispose();

        private async Task<JsonElement> SendAsync(HttpMethod method, string? body)
        {
            using var request = new HttpRequestMessage(method, "/socket/longpoll?vsn=2.0.0");
            if (_token is not null)
            {
                request.Headers.Add("X-Phoenix-Longpoll-Token", _token);
            }

            if (body is not null)
            {
                request.Content = new StringContent(body, new MediaTypeHeaderValue("application/x-ndjson"));
            }

            using var answer = await http.SendAsync(request);
            return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement;
        }
    }
}
