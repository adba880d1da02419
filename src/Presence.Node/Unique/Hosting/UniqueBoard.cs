using System.Text.Json;
using System.Text.Json.Serialization;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>
/// Publishes what this node does with one unique process, as a presence in a topic of the tracker of unique processes, from which the
/// directory of every node reads.
/// </summary>
internal sealed class UniqueBoard(IPresenceNode node, string name) : IDisposable
{
    /// <summary>The tracker that <c>AddUniqueProcess</c> adds.</summary>
    public const string TrackerName = "unique";

    private readonly PresenceProcess _process = node.StartProcess($"unique process {name}");
    private readonly IPresenceTracker _tracker = node.GetTracker(TrackerName);
    private bool _isPublished;

    /// <exception cref="PresenceOverloadException">The tracker takes no more changes for the moment.</exception>
    public async ValueTask PublishAsync(UniqueNodeStatus status)
    {
        var meta = PresenceMeta.From(status);
        if (_isPublished)
        {
            await _tracker.UpdateAsync(_process, name, node.Name, meta).ConfigureAwait(false);
        }
        else
        {
            await _tracker.TrackAsync(_process, name, node.Name, meta).ConfigureAwait(false);
            _isPublished = true;
        }
    }

    /// <summary>Returns where a process runs; null if no node has published that it has added it.</summary>
    public static UniqueProcessStatus? Read(IPresenceTracker tracker, string name)
    {
        var all = tracker.List(name).Select(UniqueNodeStatus.Read).OfType<UniqueNodeStatus>().ToList();
        if (all.Count == 0)
        {
            return null;
        }

        // While two are shown, after a split or a takeover, the one that stays.
        var holder = all.Where(s => s.Since is not null).MinBy(s => (s.Epoch is { } epoch ? -epoch : 0, s.Since));
        return new UniqueProcessStatus(
            name,
            all[0].Mode,
            holder?.Node,
            holder?.Since is { } since ? DateTimeOffset.FromUnixTimeMilliseconds(since) : null,
            holder?.Epoch,
            all.Where(s => s.Since is null).Select(s => s.Node).Order(StringComparer.Ordinal).ToArray());
    }

    /// <summary>Takes this node's presence away.</summary>
    public void Dispose() => _process.End();
}

/// <summary>What one node does with a unique process.</summary>
internal sealed record UniqueNodeStatus
{
    [JsonIgnore]
    public string Node { get; init; } = "";

    [JsonPropertyName("mode"), JsonConverter(typeof(JsonStringEnumConverter<UniqueProcessMode>))]
    public UniqueProcessMode Mode { get; init; }

    /// <summary>Since when it runs, in milliseconds since 1970; null while it stands by.</summary>
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
            // Written by a version that says more than this one understands.
            return null;
        }
    }
}
