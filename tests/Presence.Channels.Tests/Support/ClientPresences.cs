namespace Presence.Channels.Tests;

/// <summary>The view of a client that follows the protocol; asserts that all messages are consistent.</summary>
internal sealed class ClientPresences(TestClient client)
{
    private readonly Dictionary<string, string> _metas = new(StringComparer.Ordinal);
    private bool _hasState;

    public IReadOnlyDictionary<string, string> Metas => _metas;
    public int Diffs { get; private set; }

    public string Summary =>
        string.Join("|", _metas.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => $"{m.Key}={m.Value}"));

    /// <summary>Reads frames until the view meets the condition.</summary>
    public async Task UntilAsync(Func<ClientPresences, bool> wanted)
    {
        while (!_hasState || !wanted(this))
        {
            Apply(JsonDocument.Parse(await client.NextAsync()).RootElement);
        }
    }

    private void Apply(JsonElement frame)
    {
        switch (frame[3].GetString())
        {
            case "presence_state":
                Assert.False(_hasState);
                _hasState = true;
                Join(frame[4]);
                break;
            case "presence_diff":
                Assert.True(_hasState, "a diff came before the state");
                Diffs++;
                Leave(frame[4].GetProperty("leaves"));
                Join(frame[4].GetProperty("joins"));
                break;
        }
    }

    private void Join(JsonElement presences)
    {
        foreach (var (reference, text) in Each(presences))
        {
            Assert.True(_metas.TryAdd(reference, text), $"{text} was told twice");
        }
    }

    private void Leave(JsonElement presences)
    {
        foreach (var (reference, text) in Each(presences))
        {
            Assert.True(_metas.Remove(reference), $"{text} left without having been there");
        }
    }

    private static IEnumerable<(string Ref, string Text)> Each(JsonElement presences) =>
        from key in presences.EnumerateObject()
        from meta in key.Value.GetProperty("metas").EnumerateArray()
        select (meta.GetProperty("phx_ref").GetString()!, key.Name + meta.GetRawText());
}
