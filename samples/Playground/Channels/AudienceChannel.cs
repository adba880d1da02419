using System.Text.Json;
using Presence.Channels;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Samples.Playground;

/// <summary>
/// Serves <c>audience:*</c>: a topic that is sent as counts while it is large. A client makes it large with the event
/// <c>crowd</c>, which tracks invented viewers on this node until the channel ends.
/// </summary>
internal sealed class AudienceChannel(IPresenceNode node, TimeProvider time) : Channel
{
    internal const string Topics = "audience:*";

    /// <summary>The number of presences up to which clients receive members.</summary>
    internal const int Members = 50;

    internal const int Sample = 12;
    internal const int MaxCrowd = 2000;

    private PresenceSession? _crowd;
    private int _size;

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        await TrackAsync(((UserSocket)Socket).UserId, PresenceMeta.From(new { online_at = Now }));
        PushPresence();
        return JoinResult.Ok();
    }

    protected override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        if (name != "crowd")
        {
            return await base.HandleInAsync(name, payload);
        }

        if (ReadSize(payload) is not { } size)
        {
            return ChannelResult.Error(new { reason = $"size must be a whole number from 0 to {MaxCrowd}" });
        }

        await ResizeAsync(size);
        return ChannelResult.Ok(new { size });
    }

    protected override ValueTask TerminateAsync(ChannelTermination end)
    {
        _crowd?.End();
        return default;
    }

    private async ValueTask ResizeAsync(int size)
    {
        _crowd ??= node.OpenSession($"crowd of {Topic}");
        if (size > _size)
        {
            var meta = PresenceMeta.From(new { online_at = Now });
            await Tracker.TrackManyAsync(
                _crowd,
                [.. Enumerable.Range(_size + 1, size - _size).Select(i => new TrackRequest(Topic, Viewer(i), meta))]);
            _size = size;
        }

        for (; _size > size; _size--)
        {
            await Tracker.UntrackAsync(_crowd, Topic, Viewer(_size));
        }
    }

    private static string Viewer(int number) => $"viewer-{number:D4}";

    private static int? ReadSize(ChannelPayload payload) =>
        !payload.IsBinary
        && payload.ToElement() is { ValueKind: JsonValueKind.Object } fields
        && fields.TryGetProperty("size", out var size)
        && size.ValueKind == JsonValueKind.Number
        && size.TryGetInt32(out var number)
        && number is >= 0 and <= MaxCrowd
            ? number
            : null;
}
