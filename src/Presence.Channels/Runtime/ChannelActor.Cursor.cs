using System.Text.Json;
using Presence.Tracker.Cursors;

namespace Presence.Channels.Runtime;

/// <summary>The cursor of a client that wants only what it missed.</summary>
internal sealed partial class ChannelActor
{
    private static ReadOnlySpan<byte> CursorName => "cursor"u8;

    /// <summary>Gets whether the client keeps cursors.</summary>
    public bool WantsCursors { get; private set; }

    /// <summary>Gets the cursor with which the client came back; null if it needs the state.</summary>
    public TopicCursor? Cursor { get; private set; }

    /// <summary>Reads the parameter <c>cursor</c>: any value requests cursors, a cursor what was missed.</summary>
    private void ReadCursor(ChannelPayload payload)
    {
        if (!MarksDiffs || Parameter(payload, CursorName) is not { } value)
        {
            return;
        }

        WantsCursors = true;
        var text = value.ValueKind switch
        {
            JsonValueKind.Null => "",
            JsonValueKind.String => value.GetString()!,
            _ => null,
        };
        if (text is not "")
        {
            Cursor = text is not null && TopicCursor.TryParse(text, out var cursor) ? cursor : null;
            if (Cursor is null)
            {
                Server.Instruments.CursorUsed("malformed");
            }
        }
    }

    /// <summary>Returns a join parameter; null if there is none.</summary>
    private static JsonElement? Parameter(ChannelPayload payload, ReadOnlySpan<byte> name)
    {
        // Without the name in it a payload is not parsed.
        if (payload.IsBinary || payload.Bytes.Span.IndexOf(name) < 0
            || payload.ToElement() is not { ValueKind: JsonValueKind.Object } fields
            || !fields.TryGetProperty(name, out var value))
        {
            return null;
        }

        return value;
    }
}
