using Presence.Crdt;
using Presence.Grains.Tests.Topics;
using Presence.Tracker;

namespace Presence.Grains.Tests.Client;

/// <summary>What a watch was told, and whether it could be true: nobody joins twice or leaves without having joined.</summary>
internal sealed class Ledger
{
    private readonly Dictionary<Dot, int> _present = [];
    private readonly Dictionary<Dot, int> _joins = [];
    private readonly List<string> _wrong = [];
    private readonly Lock _gate = new();

    public Awaited<PresenceChange> Told { get; } = new();

    public ValueTask TakeAsync(IReadOnlyList<PresenceChange> changes)
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

    public Task<PresenceChange> JoinedAsync(string key) =>
        Told.FirstAsync(c => c.Kind == PresenceChangeKind.Joined && c.Entry.Key == key);

    public Task<PresenceChange> LeftAsync(string key) =>
        Told.FirstAsync(c => c.Kind == PresenceChangeKind.Left && c.Entry.Key == key);

    private void Book(PresenceChange change)
    {
        var id = change.Entry.First;
        var present = _present.GetValueOrDefault(id);
        var right = change.Kind switch
        {
            PresenceChangeKind.Joined => present == 0,
            _ => present == 1,
        };
        if (!right)
        {
            _wrong.Add($"{change.Kind} {change.Entry.Key} of {change.Entry.Owner.Node}, present {present} times");
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
