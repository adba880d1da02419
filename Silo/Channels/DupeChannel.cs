using System.Text.Json;
using Presence.Channels;

namespace Presence.Silo;

/// <summary>
/// <c>dupe</c>: keeps back what is broadcast too often. Numbers gather for a second, then each goes to the client once.
/// </summary>
/// <remarks>State of a channel is a field: its methods run one at a time, so nothing needs a lock.</remarks>
internal sealed class DupeChannel : Channel
{
    /// <summary>Numbers that may wait; with one more they leave at once.</summary>
    internal const int MostWaiting = 1000;

    internal static readonly TimeSpan Delay = TimeSpan.FromSeconds(1);

    private const string Number = "number";
    private static readonly object SendBuffer = new();

    private readonly OrderedDictionary<string, JsonElement> _buffer = new(StringComparer.Ordinal);
    private IDisposable? _timer;

    /// <summary>What waits, in the order in which it first came.</summary>
    internal IReadOnlyList<string> Buffer => [.. _buffer.Keys];

    protected override IReadOnlyCollection<string> InterceptedEvents { get; } = [Number];

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected override ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        if (ReadNumber(payload) is { } number && _buffer.TryAdd(number.GetRawText(), number))
        {
            _timer ??= SendAfter(SendBuffer, Delay);
            if (_buffer.Count > MostWaiting)
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
