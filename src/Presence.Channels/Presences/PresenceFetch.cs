using System.Text.Json;
using Presence.Tracker;

namespace Presence.Channels;

/// <summary>The keys of one message of a topic, and what is to be said about each besides its presences.</summary>
public sealed class PresenceFetch
{
    private readonly Dictionary<string, IReadOnlyList<PresenceEntry>> _entries;
    private readonly Dictionary<string, Dictionary<string, byte[]>> _fields = new(StringComparer.Ordinal);

    internal PresenceFetch(string topic, Dictionary<string, IReadOnlyList<PresenceEntry>> entries)
    {
        Topic = topic;
        _entries = entries;
    }

    /// <summary>The tracker's topic.</summary>
    public string Topic { get; }

    /// <summary>The keys, each once.</summary>
    public IReadOnlyCollection<string> Keys => _entries.Keys;

    /// <summary>The presences that the message tells of under a key.</summary>
    /// <exception cref="KeyNotFoundException">The message does not name the key.</exception>
    public IReadOnlyList<PresenceEntry> Entries(string key) => _entries[key];

    /// <summary>Puts a value beside the <c>metas</c> of a key, in place of one put there before under the same name.</summary>
    /// <exception cref="KeyNotFoundException">The message does not name the key.</exception>
    /// <exception cref="ArgumentException">The name is <c>metas</c>.</exception>
    public void Put<T>(string key, string name, T value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name == "metas")
        {
            throw new ArgumentException("'metas' holds the presences themselves; choose another name.", nameof(name));
        }

        if (!_entries.ContainsKey(key))
        {
            throw new KeyNotFoundException($"The message does not name the key '{key}'.");
        }

        if (!_fields.TryGetValue(key, out var fields))
        {
            _fields.Add(key, fields = new(1, StringComparer.Ordinal));
        }

        fields[name] = JsonSerializer.SerializeToUtf8Bytes(value, JsonSerializerOptions.Web);
    }

    /// <summary>What follows the presences of each key: <c>,"name":value</c>, once for each name.</summary>
    internal IReadOnlyDictionary<string, byte[]> Written() => _fields.ToDictionary(
        key => key.Key,
        key =>
        {
            var json = FrameBuffer.Rent();
            foreach (var (name, value) in key.Value)
            {
                json.Raw(","u8);
                json.String(name);
                json.Raw(":"u8);
                json.Raw(value);
            }

            return json.ToArrayAndReturn();
        },
        StringComparer.Ordinal);
}
