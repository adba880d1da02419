using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Presence.Tracker.Entries;
using Presence.Tracker.Wire;

namespace Presence.Node;

/// <summary>A message to the sessions of a key. See <see cref="IPresenceTracker.SendToKeyAsync"/>.</summary>
public sealed class SessionMessage
{
    /// <summary>Maximum size of a name in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 255;

    /// <summary>Creates a message.</summary>
    /// <param name="name">The event; 1 to 255 bytes of UTF-8.</param>
    /// <param name="json">One JSON value as UTF-8. The bytes are not copied.</param>
    /// <exception cref="ArgumentException">Empty or too long a name, or not one JSON value.</exception>
    public SessionMessage(string name, ReadOnlyMemory<byte> json)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!IsValid(name, json.Span))
        {
            throw new ArgumentException(
                $"A message is one JSON value in valid Unicode, with a name of at most {MaxNameBytes} bytes.");
        }

        (Name, Json) = (name, json);
    }

    /// <summary>Gets the event.</summary>
    public string Name { get; }

    /// <summary>Gets one JSON value as UTF-8. The bytes are shared; do not write to them.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>Creates a message with a value as JSON, by reflection with the web defaults (camel case).</summary>
    public static SessionMessage From<T>(string name, T value, JsonSerializerOptions? options = null) =>
        new(name, JsonSerializer.SerializeToUtf8Bytes(value, options ?? JsonSerializerOptions.Web));

    /// <summary>Creates a message with a value as JSON, as a source-generated context says.</summary>
    public static SessionMessage From<T>(string name, T value, JsonTypeInfo<T> type) =>
        new(name, JsonSerializer.SerializeToUtf8Bytes(value, type));

    internal static bool IsValid(string name, ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            reader.Skip();
            return !reader.Read()
                && StrictUtf8.SizeOf(name, nameof(name)) is > 0 and <= MaxNameBytes
                && System.Text.Unicode.Utf8.IsValid(json)
                && JsonText.IsUnicode(json);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return false;
        }
    }
}

/// <summary>What became of a message to the sessions of a key.</summary>
public enum SendToKeyResult
{
    /// <summary>Nobody is present under the key.</summary>
    NotPresent,

    /// <summary>At least one session has accepted the message.</summary>
    Accepted,

    /// <summary>
    /// The key is present, but none of its sessions accepted the message: they take no messages, are detached, have a
    /// full queue, or their nodes did not answer within a second (and may have accepted it nevertheless).
    /// </summary>
    NotAccepted,
}
