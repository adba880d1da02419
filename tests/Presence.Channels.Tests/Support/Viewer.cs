using System.Net.WebSockets;
using Presence.Channels.Tests.Transport;

namespace Presence.Channels.Tests;

/// <summary>A client that checks that no message belongs to the other mode, and that no diff contradicts.</summary>
internal sealed class Viewer : IDisposable
{
    private readonly string _topic;
    private readonly ClientWebSocket _socket;
    private bool _hasMembers;
    private string? _answer;

    private readonly bool _isExact;

    private Viewer(string topic, ClientWebSocket socket, bool isExact) =>
        (_topic, _socket, _isExact) = (topic, socket, isExact);

    public string Mode { get; private set; } = "members";

    /// <summary>Gets the keys by the ref of the presence.</summary>
    public Dictionary<string, string> Presences { get; } = new(StringComparer.Ordinal);

    public List<string> Log { get; } = [];

    /// <summary>Gets the last count; -1 while members are received.</summary>
    public int Count { get; private set; } = -1;

    public int Keys { get; private set; } = -1;

    public string[] Sample { get; private set; } = [];

    /// <summary>Gets whether the last counts had a sample.</summary>
    public bool HasNewSample { get; private set; }

    public string[] SampledNames { get; private set; } = [];

    public int Switches { get; private set; }

    /// <summary>Gets the number of members when counts began.</summary>
    public int Former { get; private set; }

    /// <param name="host">The host.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="payload">The parameters of the join.</param>
    /// <param name="isExact">Whether all counts have to be exact; otherwise none.</param>
    public static async Task<Viewer> JoinAsync(
        WebHost host, string topic, string payload = "{}", bool isExact = true)
    {
        var viewer = new Viewer(topic, await host.ConnectAsync("/open/websocket?vsn=2.0.0"), isExact);
        await viewer._socket.SendAsync($"""["1","1","{topic}","phx_join",{payload}]""");
        await viewer.UntilAsync(() => viewer._answer is not null);
        Assert.StartsWith("ok", viewer._answer, StringComparison.Ordinal);
        return viewer;
    }

    public void Dispose() => _socket.Dispose();

    public async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await ReadAsync();
        }
    }

    public async Task<string> RequestAsync(string name, string payload)
    {
        _answer = null;
        await _socket.SendAsync($"""["1","2","{_topic}","{name}",{payload}]""");
        await UntilAsync(() => _answer is not null);
        return _answer!;
    }

    private async Task ReadAsync()
    {
        using var frame = JsonDocument.Parse(await _socket.NextAsync());
        var payload = frame.RootElement[4];
        switch (frame.RootElement[3].GetString())
        {
            case "phx_reply":
                _answer = AnswerOf(payload);
                break;
            case "presence_mode":
                var mode = payload.GetProperty("mode").GetString()!;
                Assert.NotEqual(Mode, mode);
                Log.Add($"mode {mode}");
                Former = Presences.Count;
                (Mode, _hasMembers, Count, Keys) = (mode, false, -1, -1);
                Switches += Log.Count == 1 ? 0 : 1;
                Presences.Clear();
                break;
            case "presence_state":
                Assert.Equal("members", Mode);
                Assert.False(_hasMembers);
                Log.Add("state");
                _hasMembers = true;
                Add(payload);
                break;
            case "presence_diff":
                Assert.True(_hasMembers);
                Log.Add("diff");
                foreach (var (reference, key) in Each(payload.GetProperty("leaves")))
                {
                    Assert.True(Presences.Remove(reference), $"{key} left without having been there");
                }

                Add(payload.GetProperty("joins"));
                break;
            case "presence_counts":
                Assert.Equal("counts", Mode);
                Assert.Equal(_isExact, payload.GetProperty("exact").GetBoolean());
                Assert.InRange(payload.GetProperty("at").GetInt64(), 1_700_000_000_000, 9_000_000_000_000);
                var isFirst = Count < 0;
                (Count, Keys) = (payload.GetProperty("count").GetInt32(), payload.GetProperty("keys").GetInt32());
                HasNewSample = payload.TryGetProperty("sample", out var sample);
                if (HasNewSample)
                {
                    SampledNames = [.. sample.EnumerateObject().Select(key =>
                        key.Value.TryGetProperty("name", out var name) ? name.GetString()! : "")];
                    Sample = [.. Each(sample).Select(one => one.Key).Order(StringComparer.Ordinal)];
                }
                else
                {
                    Assert.False(isFirst);
                }

                Log.Add($"counts {Count} {Keys} [{string.Join(' ', Sample)}]");
                break;
        }
    }

    private static string AnswerOf(JsonElement payload)
    {
        var response = payload.GetProperty("response");
        var text = response.TryGetProperty("reason", out var reason) ? reason.GetString()
            : response.TryGetProperty("presences", out var page)
                ? $"{string.Join(' ', page.EnumerateObject().Select(key => key.Name))}, next "
                    + response.GetProperty("next").GetRawText()
                : "";
        return $"{payload.GetProperty("status").GetString()} {text}";
    }

    private void Add(JsonElement presences)
    {
        foreach (var (reference, key) in Each(presences))
        {
            Assert.True(Presences.TryAdd(reference, key), $"{key} was there already");
        }
    }

    private static IEnumerable<(string Ref, string Key)> Each(JsonElement presences) =>
        from key in presences.EnumerateObject()
        from meta in key.Value.GetProperty("metas").EnumerateArray()
        select (meta.GetProperty("phx_ref").GetString()!, key.Name);
}
