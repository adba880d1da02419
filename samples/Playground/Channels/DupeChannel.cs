using System.Text.Json;
using Presence.Channels;

namespace Presence.Samples.Playground;

/// <summary>
/// Serves <c>dupe</c>: buffers broadcast numbers for a second, then pushes each distinct one once.
/// </summary>
/// <remarks>The methods of a channel run one at a time, so its fields need no lock.</remarks>
internal sealed class DupeChannel : Channel
{
    /// <summary>The capacity of the buffer; with one more number it is sent at once.</summary>
    internal const int BufferCapacity = 1000;

    internal static readonly TimeSpan Delay = TimeSpan.FromSeconds(1);

    private const string Number = "number";
    private static readonly object SendBuffer = new();

    private readonly OrderedDictionary<string, JsonElement> _buffer = new(StringComparer.Ordinal);
    private IDisposable? _timer;

    /// <summary>Gets the buffered numbers in the order of their first arrival.</summary>
    internal IReadOnlyList<string> Buffer => [.. _buffer.Keys];

    protected override IReadOnlyCollection<string> InterceptedEvents { get; } = [Number];

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        if (ReadNumber(payload) is { } number && _buffer.TryAdd(number.GetRawText(), number))
        {
            _timer ??= SendAfter(SendBuffer, Delay);
            if (_buffer.Count > BufferCapacity)
            {
                Drain();
            }
        }

        return default;
    }

    protected override ValueTask HandleInfoAsync(object message)
    {
        if (message == SendBuffer)
        {
            Drain();
        }

        return default;
    }

    private void Drain()
    {
        foreach (var value in _buffer.Values)
        {
            Push(Number, new { value });
        }

        _buffer.Clear();
        _timer?.Dispose();
        _timer = null;
    }

    private static JsonElement? ReadNumber(ChannelPayload payload) =>
        !payload.IsBinary
        && payload.ToElement() is { ValueKind: JsonValueKind.Object } fields
        && fields.TryGetProperty(Number, out var number)
            ? number
            : null;
}
