using System.Text.Json;

namespace Presence.Client;

/// <summary>The kind of a change of metadata under a key.</summary>
public enum PresenceEventKind
{
    /// <summary>Present in the first state.</summary>
    Present,

    /// <summary>The metadata joined.</summary>
    Joined,

    /// <summary>The metadata replaced others of the key.</summary>
    Updated,

    /// <summary>The metadata left.</summary>
    Left,
}

/// <summary>A change of the presences of a topic.</summary>
/// <param name="Kind">What happened.</param>
/// <param name="Key">The key.</param>
/// <param name="Metas">The metadata that is present now, or that has left.</param>
public sealed record PresenceEvent(PresenceEventKind Kind, string Key, IReadOnlyList<JsonElement> Metas);

/// <summary>
/// Maintains the presences of a topic from <c>presence_state</c> and <c>presence_diff</c> like <c>Presence</c> of
/// phoenix.js: metadata is equal if its <c>phx_ref</c> is, joins are applied before leaves, diffs wait for the first
/// state. While the topic is large, the server may send <see cref="Counts"/> instead.
/// </summary>
public sealed class PresenceSync
{
    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, List<JsonElement>> _present = new(StringComparer.Ordinal);
    private readonly List<JsonElement> _earlyDiffs = [];
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _informed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<PresenceEvent>? _changed;
    private readonly Action<PresenceCounts?>? _countsChanged;
    private readonly Func<string, object, CancellationToken, Task<JsonElement>> _push;
    private volatile PresenceCounts? _counts;

    /// <summary>Listens to a channel that is not yet joined.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="changed">Called with each event, ordered by key, on the thread that received the message.</param>
    /// <param name="countsChanged">Called with each change of <see cref="Counts"/>.</param>
    internal PresenceSync(
        PhoenixChannel channel,
        Action<PresenceEvent>? changed = null,
        Action<PresenceCounts?>? countsChanged = null)
    {
        (_changed, _countsChanged) = (changed, countsChanged);
        _push = (name, payload, cancellation) => channel.PushAsync(name, payload).WaitAsync(cancellation);
        channel.On("presence_state", OnState).On("presence_diff", OnDiff)
            .On("presence_mode", OnMode).On("presence_counts", OnCounts);
    }

    /// <summary>Listens to a channel; the state after a rejoin gives the changes that were missed.</summary>
    /// <param name="channel">The channel. Call this where its handlers are set, before it can receive anything.</param>
    /// <param name="changed">Called with each event, ordered by key, on the thread that received the message.</param>
    /// <param name="countsChanged">
    /// Called with each change of <see cref="Counts"/>, on the thread that received the message or joins again.
    /// </param>
    public PresenceSync(
        ReconnectingChannel channel,
        Action<PresenceEvent>? changed = null,
        Action<PresenceCounts?>? countsChanged = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        (_changed, _countsChanged) = (changed, countsChanged);
        _push = channel.PushAsync;
        channel.On("presence_state", OnState).On("presence_diff", OnDiff)
            .On("presence_mode", OnMode).On("presence_counts", OnCounts);
        channel.Joining = EndCounts;
    }

    /// <summary>
    /// Gets the numbers of a large topic, whose members the server does not send; null while it sends members, and
    /// after a new join until the server announces counts again.
    /// </summary>
    public PresenceCounts? Counts => _counts;

    /// <summary>Gets a task that completes when the first state has arrived.</summary>
    internal Task Synced => _synced.Task;

    /// <summary>Waits for the first state, or for the first <see cref="Counts"/> if the topic is large.</summary>
    public Task SyncedAsync(CancellationToken cancellation = default) => _informed.Task.WaitAsync(cancellation);

    /// <summary>Requests the presences of some keys, whatever the size of the topic.</summary>
    /// <param name="after">The last page's <see cref="PresencePage.Next"/>; null (default): the first page.</param>
    /// <param name="limit">At most so many keys, 1 to 1000.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <exception cref="PhoenixException">
    /// The channel is not joined, the answer was not <c>ok</c>, or there was none.
    /// </exception>
    public async Task<PresencePage> PageAsync(
        string? after = null, int limit = 100, CancellationToken cancellation = default)
    {
        var page = await _push("presence_page", new { after, limit }, cancellation).ConfigureAwait(false);
        return new PresencePage([.. ByKey(page.GetProperty("presences"))], page.GetProperty("next").GetString());
    }

    /// <summary>
    /// Returns the metadata under each key, ordered by key. It does not change while there are <see cref="Counts"/>.
    /// </summary>
    public IReadOnlyList<(string Key, IReadOnlyList<JsonElement> Metas)> List()
    {
        lock (_gate)
        {
            return [.. _present.Select(entry => (entry.Key, (IReadOnlyList<JsonElement>)[.. entry.Value]))];
        }
    }

    private void OnState(JsonElement state)
    {
        var isFirst = !_synced.Task.IsCompleted;
        var now = Flatten(state).ToList();
        var refs = now.Select(m => Ref(m.Meta)).ToHashSet();
        var before = List().SelectMany(entry => entry.Metas.Select(meta => (entry.Key, Meta: meta))).ToList();
        var known = before.Select(m => Ref(m.Meta)).ToHashSet();
        Apply(
            [.. now.Where(m => !known.Contains(Ref(m.Meta)))],
            [.. before.Where(m => !refs.Contains(Ref(m.Meta)))],
            isState: true);
        if (isFirst)
        {
            foreach (var (key, metas) in List())
            {
                _changed?.Invoke(new(PresenceEventKind.Present, key, metas));
            }
        }

        _synced.TrySetResult();
        _informed.TrySetResult();
        _earlyDiffs.ForEach(OnDiff);
        _earlyDiffs.Clear();
    }

    private void OnDiff(JsonElement diff)
    {
        if (_synced.Task.IsCompleted)
        {
            Apply([.. Flatten(diff.GetProperty("joins"))], [.. Flatten(diff.GetProperty("leaves"))]);
        }
        else
        {
            _earlyDiffs.Add(diff);
        }
    }

    private void OnMode(JsonElement message)
    {
        if (message.GetProperty("mode").GetString() == "members")
        {
            EndCounts();
        }
    }

    private void OnCounts(JsonElement message)
    {
        var counts = new PresenceCounts(
            message.GetProperty("count").GetInt32(),
            message.GetProperty("keys").GetInt32(),
            message.GetProperty("exact").GetBoolean(),
            DateTimeOffset.FromUnixTimeMilliseconds(message.GetProperty("at").GetInt64()),
            message.TryGetProperty("sample", out var sample) ? [.. ByKey(sample)] : _counts?.Sample ?? []);
        _counts = counts;
        _informed.TrySetResult();
        _countsChanged?.Invoke(counts);
    }

    private void EndCounts()
    {
        if (_counts is not null)
        {
            _counts = null;
            _countsChanged?.Invoke(null);
        }
    }

    private void Apply(
        List<(string Key, JsonElement Meta)> joins, List<(string Key, JsonElement Meta)> leaves, bool isState = false)
    {
        lock (_gate)
        {
            foreach (var (key, meta) in joins)
            {
                Remove(key, meta);
                if (!_present.TryGetValue(key, out var metas))
                {
                    _present[key] = metas = [];
                }

                metas.Add(meta);
            }

            foreach (var (key, meta) in leaves)
            {
                Remove(key, meta);
            }
        }

        if (_changed is not null && _synced.Task.IsCompleted)
        {
            Publish(joins, leaves, isState ? UpdatedKeys(joins, leaves) : []);
        }
    }

    private void Remove(string key, JsonElement meta)
    {
        if (_present.TryGetValue(key, out var metas)
            && metas.RemoveAll(m => Ref(m) == Ref(meta)) > 0 && metas.Count == 0)
        {
            _present.Remove(key);
        }
    }

    /// <summary>
    /// Returns the keys that were updated: one version left and one with a <c>phx_ref_prev</c> joined. After several
    /// updates that is not the version that left, and a state does not contain those between.
    /// </summary>
    private static HashSet<string> UpdatedKeys(
        List<(string Key, JsonElement Meta)> joins, List<(string Key, JsonElement Meta)> leaves)
    {
        var left = leaves.CountBy(m => m.Key).Where(of => of.Value == 1).Select(of => of.Key);
        return
        [
            .. joins.GroupBy(m => m.Key, m => m.Meta)
                .Where(of => of.Count() == 1 && Ref(of.First(), "phx_ref_prev") is not null)
                .Select(of => of.Key)
                .Intersect(left),
        ];
    }

    /// <summary>An update arrives as a join that names the leave it replaces.</summary>
    private void Publish(
        List<(string Key, JsonElement Meta)> joins,
        List<(string Key, JsonElement Meta)> leaves,
        HashSet<string> updated)
    {
        var replaced = joins.Select(m => (m.Key, Ref(m.Meta, "phx_ref_prev"))).ToHashSet();
        var left = leaves.Select(m => (m.Key, Ref(m.Meta))).ToHashSet();
        var removed = leaves.Where(m => !updated.Contains(m.Key) && !replaced.Contains((m.Key, Ref(m.Meta))));
        foreach (var gone in removed.GroupBy(m => m.Key, m => m.Meta))
        {
            _changed!(new(PresenceEventKind.Left, gone.Key, [.. gone]));
        }

        foreach (var (key, meta) in joins)
        {
            var isUpdate = updated.Contains(key) || left.Contains((key, Ref(meta, "phx_ref_prev")));
            _changed!(new(isUpdate ? PresenceEventKind.Updated : PresenceEventKind.Joined, key, [meta]));
        }
    }

    private static IEnumerable<(string Key, JsonElement Meta)> Flatten(JsonElement byKey) =>
        from entry in ByKey(byKey)
        from meta in entry.Metas
        select (entry.Key, meta);

    private static IEnumerable<(string Key, IReadOnlyList<JsonElement> Metas)> ByKey(JsonElement byKey) =>
        from entry in byKey.EnumerateObject().OrderBy(entry => entry.Name, StringComparer.Ordinal)
        select (entry.Name, (IReadOnlyList<JsonElement>)[.. entry.Value.GetProperty("metas").EnumerateArray()]);

    private static string? Ref(JsonElement meta, string name = "phx_ref") =>
        meta.TryGetProperty(name, out var reference) ? reference.GetString() : null;
}
