using Presence.Channels.Wire;
using Presence.Tracker;

namespace Presence.Channels;

/// <summary>The keys of one message of a topic, and the fields to send besides their presences.</summary>
public sealed class PresenceFetch
{
    private readonly Dictionary<string, IReadOnlyList<PresenceEntry>> _entries;
    private readonly Dictionary<string, Dictionary<string, ReadOnlyMemory<byte>>> _fields = new(StringComparer.Ordinal);

    internal PresenceFetch(string topic, Dictionary<string, IReadOnlyList<PresenceEntry>> entries)
    {
        Topic = topic;
        _entries = entries;
    }

    /// <summary>Gets the tracker's topic.</summary>
    public string Topic { get; }

    /// <summary>Gets the keys, each once.</summary>
    public IReadOnlyCollection<string> Keys => _entries.Keys;

    /// <summary>Returns the presences in the message under a key.</summary>
    /// <exception cref="KeyNotFoundException">The message does not contain the key.</exception>
    public IReadOnlyList<PresenceEntry> Entries(string key) => _entries[key];

    /// <summary>Sets a field beside the <c>metas</c> of a key; replaces an earlier value of the same name.</summary>
    /// <exception cref="KeyNotFoundException">The message does not contain the key.</exception>
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
            throw new KeyNotFoundException($"The message does not contain the key '{key}'.");
        }

        if (!_fields.TryGetValue(key, out var fields))
        {
            _fields.Add(key, fields = new(1, StringComparer.Ordinal));
        }

        fields[name] = ChannelPayload.From(value).Bytes;
    }

    /// <summary>Encodes the text that follows the presences of each key: <c>,"name":value</c> per field.</summary>
    internal IReadOnlyDictionary<string, byte[]> Encode() => _fields.ToDictionary(
        key => key.Key,
        key =>
        {
            var json = FrameBuffer.Rent();
            foreach (var (name, value) in key.Value)
            {
                json.Raw(","u8);
                json.String(name);
                json.Raw(":"u8);
                json.Raw(value.Span);
            }

            return json.ToArrayAndReturn();
        },
        StringComparer.Ordinal);
}
