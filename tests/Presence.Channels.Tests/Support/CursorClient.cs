using Microsoft.AspNetCore.DataProtection;

namespace Presence.Channels.Tests;

/// <summary>A client that keeps presences and cursor over lost connections, and counts what it receives.</summary>
internal sealed class CursorClient(string topic, string parameters = "")
{
    private readonly Dictionary<string, string> _presences = new(StringComparer.Ordinal);
    private ClientWebSocket? _socket;
    private string? _resume;
    private int _refs;

    public string? Cursor { get; private set; } = "";

    /// <summary>Gets the presences: keys and metadata, sorted.</summary>
    public IEnumerable<string> Presences => _presences.Values.Order(StringComparer.Ordinal);

    public int States { get; private set; }

    public int Diffs { get; private set; }

    /// <summary>Gets the bytes of the messages since the connection was opened.</summary>
    public int Received { get; private set; }

    /// <summary>Opens a connection, joins, and reads the presences or what was missed.</summary>
    public async Task JoinAsync(WebHost host)
    {
        _socket = await host.ConnectAsync("/open/websocket?vsn=2.0.0");
        (States, Diffs, Received) = (0, 0, 0);
        var resume = _resume is null ? "" : $",\"resume\":\"{_resume}\"";
        var join = $"{++_refs}";
        await _socket.SendAsync(
            $$"""["{{join}}","{{join}}","{{topic}}","phx_join",{"cursor":"{{Cursor}}"{{resume}}{{parameters}}}]""");
        while (States + Diffs == 0 || (States > 0 && Cursor is null))
        {
            await ReadAsync();
        }
    }

    /// <summary>Reads until the presences are those.</summary>
    public async Task UntilAsync(IReadOnlyCollection<string> presences)
    {
        while (_presences.Count != presences.Count || !Presences.SequenceEqual(presences))
        {
            await ReadAsync();
        }
    }

    public void Drop() => _socket?.Abort();

    private async Task ReadAsync()
    {
        var text = await _socket!.NextAsync();
        Received += Encoding.UTF8.GetByteCount(text);
        using var frame = JsonDocument.Parse(text);
        var payload = frame.RootElement[4];
        switch (frame.RootElement[3].GetString())
        {
            case "phx_reply":
                Assert.Equal("ok", payload.GetProperty("status").GetString());
                _resume = payload.GetProperty("response").TryGetProperty("resume", out var token)
                    ? token.GetString()
                    : null;
                break;
            case "presence_state":
                States++;
                Cursor = null;
                _presences.Clear();
                Add(payload);
                break;
            case "presence_cursor":
                Cursor = payload.GetProperty("cursor").GetString();
                break;
            case "presence_diff":
                Diffs++;
                Cursor = payload.GetProperty("cursor").GetString();
                foreach (var (reference, shown) in Each(payload.GetProperty("leaves")))
                {
                    Assert.True(_presences.Remove(reference), $"{shown} left without having been there");
                }

                Add(payload.GetProperty("joins"));
                break;
        }
    }

    private void Add(JsonElement presences)
    {
        foreach (var (reference, text) in Each(presences))
        {
            Assert.True(_presences.TryAdd(reference, text), $"{text} was there already");
        }
    }

    private static IEnumerable<(string Ref, string Text)> Each(JsonElement presences) =>
        from key in presences.EnumerateObject()
        from meta in key.Value.GetProperty("metas").EnumerateArray()
        let reference = meta.GetProperty("phx_ref").GetString()!
        select (reference, $"{key.Name} {reference}");
}

/// <summary>Two nodes whose channels keep the presences of clients for ten minutes.</summary>
internal sealed class CursorHosts : IAsyncDisposable
{
    private readonly EphemeralDataProtectionProvider _keys = new();
    private readonly InMemoryCluster _cluster = new();
    private readonly List<WebHost> _hosts = [];

    private CursorHosts()
    {
    }

    public WebHost this[int node] => _hosts[node];

    public static async Task<CursorHosts> StartAsync()
    {
        var hosts = new CursorHosts();
        for (var node = 0; node < 2; node++)
        {
            hosts._hosts.Add(await WebHost.StartAsync(
                $"n{node}",
                hosts._cluster,
                builder =>
                {
                    builder.Services.AddSingleton<IDataProtectionProvider>(hosts._keys);
                    builder.Services.AddChannels(channels => channels.Socket<OpenDoorSocket>(routes => routes
                        .Channel<CursorRoom>("cursor:*", route => route.Grace = TimeSpan.FromMinutes(10))));
                },
                limits => limits.MaxHandshakesPerAddress = 0));
        }

        return hosts;
    }

    public IPresenceTracker Tracker(int node) => Node(node).Tracker;

    public IPresenceNode Node(int node) => _hosts[node].Services.GetRequiredService<IPresenceNode>();

    public IEnumerable<string> Presences(int node, string topic) =>
        Tracker(node).List(topic).Select(e => $"{e.Key} {e.Ref}").Order(StringComparer.Ordinal);

    /// <summary>Waits until both nodes list the same presences.</summary>
    public Task SettleAsync(string topic) => TestTimeouts.UntilAsync(
        "both nodes list the same", TestClient.Timeout, () => Presences(0, topic).SequenceEqual(Presences(1, topic)));

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }
    }
}

/// <summary>Tracks the key of the join parameters, if there is one, and pushes presences.</summary>
internal sealed class CursorRoom : Channel
{
    protected internal override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        PushPresence();
        if (payload.ToElement().TryGetProperty("key", out var key))
        {
            await TrackAsync(key.GetString()!, PresenceMeta.From(new { online_at = 1_700_000_000_000 }));
        }

        return JoinResult.Ok();
    }
}
