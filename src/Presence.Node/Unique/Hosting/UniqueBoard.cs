using System.Text.Json;
using System.Text.Json.Serialization;
using Presence.Tracker;

namespace Presence.Node.Unique.Hosting;

/// <summary>Publishes this node's status of one unique process as a presence, for all directories.</summary>
internal sealed class UniqueBoard(IPresenceNode node, string name) : IDisposable
{
    public const string TrackerName = "unique";

    private readonly PresenceSession _session = node.OpenSession($"unique process {name}");
    private readonly IPresenceTracker _tracker = node.GetTracker(TrackerName);
    private bool _isPublished;

    /// <exception cref="PresenceOverloadException">The tracker's mailbox is full.</exception>
    public async ValueTask PublishAsync(UniqueNodeStatus status)
    {
        var meta = PresenceMeta.From(status);
        if (_isPublished)
        {
            await _tracker.UpdateAsync(_session, name, node.Name, meta).ConfigureAwait(false);
        }
        else
        {
            await _tracker.TrackAsync(_session, name, node.Name, meta).ConfigureAwait(false);
            _isPublished = true;
        }
    }

    public static UniqueProcessStatus? Read(IPresenceTracker tracker, string name)
    {
        var all = tracker.List(name).Select(UniqueNodeStatus.Read).OfType<UniqueNodeStatus>().ToList();
        if (all.Count == 0)
        {
            return null;
        }

        // After a partition or a takeover two may be visible: choose the one that stays.
        var holder = all.Where(s => s.Since is not null).MinBy(s => (s.Epoch is { } epoch ? -epoch : 0, s.Since));
        return new UniqueProcessStatus(
            name,
            all[0].Mode,
            holder?.Node,
            holder?.Since is { } since ? DateTimeOffset.FromUnixTimeMilliseconds(since) : null,
            holder?.Epoch,
            all.Where(s => s.Since is null).Select(s => s.Node).Order(StringComparer.Ordinal).ToArray());
    }

    public void Dispose() => _session.End();
}

internal sealed record UniqueNodeStatus
{
    [JsonIgnore]
    public string Node { get; init; } = "";

    [JsonPropertyName("mode"), JsonConverter(typeof(JsonStringEnumConverter<UniqueProcessMode>))]
    public UniqueProcessMode Mode { get; init; }

    /// <summary>Start in milliseconds since 1970; null on standby.</summary>
    [JsonPropertyName("since")]
    public long? Since { get; init; }

    [JsonPropertyName("epoch")]
    public long? Epoch { get; init; }

    public static UniqueNodeStatus? Read(PresenceEntry entry)
    {
        try
        {
            return entry.Meta.As<UniqueNodeStatus>() is { } status ? status with { Node = entry.Owner.Node } : null;
        }
        catch (JsonException)
        {
            // Written by an incompatible version.
            return null;
        }
    }
}
