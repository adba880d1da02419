using Presence.Tracker;

namespace Presence.Node;

/// <summary>Where the participants of one name say what they do: a topic of the tracker of unique processes.</summary>
internal sealed class ClaimBoard(IPresenceNode node, string name) : IDisposable
{
    /// <summary>The tracker that <c>AddUniqueProcess</c> adds.</summary>
    public const string TrackerName = "unique";

    private readonly PresenceProcess _process = node.StartProcess($"unique process {name}");
    private PresenceMeta? _said;

    public IPresenceTracker Tracker { get; } = node.GetTracker(TrackerName);

    public string NodeName => node.Name;

    /// <summary>Makes known what this participant does, if it is something new.</summary>
    public async ValueTask SayAsync(Claim claim)
    {
        var meta = claim.ToMeta();
        if (meta == _said)
        {
            return;
        }

        if (_said is null)
        {
            await Tracker.TrackAsync(_process, name, node.Name, meta).ConfigureAwait(false);
        }
        else
        {
            await Tracker.UpdateAsync(_process, name, node.Name, meta).ConfigureAwait(false);
        }

        _said = meta;
    }

    /// <summary>What all others say.</summary>
    public IReadOnlyList<Claim> Others(string by) => Read(Tracker, name).Where(c => c.By != by || c.Node != NodeName).ToArray();

    /// <summary>Whether this member holds all that it knows the others to have.</summary>
    public bool IsSynced() => Tracker.Replicas().All(r => r.Status != "up" || r.Clock >= r.Advertised);

    public static IReadOnlyList<Claim> Read(IPresenceTracker tracker, string name)
    {
        var claims = new List<Claim>();
        foreach (var entry in tracker.List(name))
        {
            if (Claim.Read(entry) is { } claim)
            {
                claims.Add(claim);
            }
        }

        return claims;
    }

    /// <summary>Takes this participant's presence away.</summary>
    public void Dispose() => _process.End();
}
