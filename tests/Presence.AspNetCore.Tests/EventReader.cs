namespace Presence.AspNetCore.Tests;

/// <summary>Reads server-sent events as a browser does.</summary>
internal sealed class EventReader : IAsyncDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    private readonly HttpResponseMessage _response;
    private readonly SseParser<string> _parser;
    private readonly IAsyncEnumerator<SseItem<string>> _events;

    private EventReader(HttpResponseMessage response, Stream body)
    {
        _response = response;
        _parser = SseParser.Create(body);
        _events = _parser.EnumerateAsync().GetAsyncEnumerator();
    }

    public string LastId => _parser.LastEventId;

    public TimeSpan Retry => _parser.ReconnectionInterval;

    public static async Task<EventReader> OpenAsync(HttpClient http, string path, string? lastId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastId);
        }

        return await SendAsync(http, request);
    }

    public static async Task<EventReader> SendAsync(HttpClient http, HttpRequestMessage request)
    {
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        return new EventReader(response, await response.Content.ReadAsStreamAsync());
    }

    /// <summary>Returns the next event of any kind; null at the end.</summary>
    public async Task<SseItem<string>?> NextAsync() =>
        await _events.MoveNextAsync().AsTask().WaitAsync(Timeout) ? _events.Current : null;

    /// <summary>Returns the data of the next event that is not only a sign of life, which is of this kind.</summary>
    public async Task<JsonElement> NextAsync(string type)
    {
        while (await NextAsync() is { } next)
        {
            if (next.EventType != "keep-alive")
            {
                Assert.Equal(type, next.EventType);
                return JsonDocument.Parse(next.Data).RootElement;
            }
        }

        throw new InvalidOperationException($"The stream ended before the event '{type}'.");
    }

    /// <summary>Returns the changes up to one of this key, as text.</summary>
    public async Task<IReadOnlyList<string>> ChangesUntilAsync(string key)
    {
        var changes = new List<string>();
        while (true)
        {
            foreach (var change in (await NextAsync("diff")).GetProperty("changes").EnumerateArray())
            {
                changes.Add($"{change.GetProperty("kind")} {change.GetProperty("key")}");
            }

            if (changes.Count > 0 && changes[^1].EndsWith(" " + key, StringComparison.Ordinal))
            {
                return changes;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _response.Dispose();
        try
        {
            await _events.DisposeAsync();
        }
        catch (NotSupportedException)
        {
            // A read is under way; it ends with the response.
        }
    }
}
