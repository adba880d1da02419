using Presence.Grains.Tests.Topics;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>What a watch was told, and whether it could be true: nobody joins twice or leaves without having joined.</summary>
internal sealed class Ledger
{
    private readonly Dictionary<(string, ulong, ulong), int> _present = [];
    private readonly Dictionary<(string, ulong, ulong), int> _joins = [];
    private readonly List<string> _wrong = [];
    private readonly Lock _gate = new();

    public Awaited<PresenceChangeRecord> Told { get; } = new();

    public ValueTask TakeAsync(IReadOnlyList<PresenceChangeRecord> changes)
    {
        foreach (var change in changes)
        {
            lock (_gate)
            {
                Book(change);
            }

            Told.Add(change);
        }

        return default;
    }

    /// <summary>Nobody joined twice, nobody left who had not joined.</summary>
    public void AssertTrue()
    {
        lock (_gate)
        {
            Assert.Empty(_wrong);
        }
    }

    /// <summary>Each presence joined once in its life: none was seen leaving and coming back.</summary>
    public void AssertNobodyCameBack()
    {
        lock (_gate)
        {
            Assert.DoesNotContain(_joins, j => j.Value > 1);
        }
    }

    public Task<PresenceChangeRecord> JoinedAsync(string key) =>
        Told.FirstAsync(c => c.Kind == PresenceChangeKind.Joined && c.Presence.Key == key);

    public Task<PresenceChangeRecord> LeftAsync(string key) =>
        Told.FirstAsync(c => c.Kind == PresenceChangeKind.Left && c.Presence.Key == key);

    private void Book(PresenceChangeRecord change)
    {
        var id = (change.Presence.Node, change.Presence.Incarnation, change.Presence.FirstSequence);
        var present = _present.GetValueOrDefault(id);
        var right = change.Kind switch
        {
            PresenceChangeKind.Joined => present == 0,
            _ => present == 1,
        };
        if (!right)
        {
            _wrong.Add($"{change.Kind} {change.Presence.Key} of {change.Presence.Node}, present {present} times");
        }

        switch (change.Kind)
        {
            case PresenceChangeKind.Joined:
                _present[id] = present + 1;
                _joins[id] = _joins.GetValueOrDefault(id) + 1;
                break;
            case PresenceChangeKind.Left:
                _present[id] = present - 1;
                break;
        }
    }
}
