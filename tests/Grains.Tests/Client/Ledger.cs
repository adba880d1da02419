namespace Presence.Grains.Tests.Client;

/// <summary>Records what a subscription delivered, and checks it: no second join, no leave without a join.</summary>
internal sealed class Ledger
{
    private readonly Dictionary<Dot, int> _present = [];
    private readonly Dictionary<Dot, int> _joins = [];
    private readonly Dictionary<(string Topic, string Key), int> _devices = [];
    private readonly HashSet<(string Topic, string Key)> _keys = [];
    private readonly List<string> _errors = [];
    private readonly Lock _gate = new();

    public Awaited<PresenceChange> Received { get; } = new();

    public ValueTask HandleAsync(IReadOnlyList<PresenceChange> changes)
    {
        foreach (var change in changes)
        {
            lock (_gate)
            {
                Record(change);
            }

            Received.Add(change);
        }

        lock (_gate)
        {
            foreach (var key in changes.Select(c => (c.Entry.Topic, c.Entry.Key)))
            {
                if (_devices[key] > 0 != _keys.Contains(key))
                {
                    _errors.Add($"{key} has {_devices[key]} devices; its first and last ones say otherwise");
                }
            }
        }

        return default;
    }

    /// <summary>Asserts that no presence joined twice or left without having joined.</summary>
    public void AssertConsistent()
    {
        lock (_gate)
        {
            Assert.Empty(_errors);
        }
    }

    /// <summary>Asserts that no presence left and came back.</summary>
    public void AssertNobodyCameBack()
    {
        lock (_gate)
        {
            Assert.DoesNotContain(_joins, j => j.Value > 1);
        }
    }

    public Task<PresenceChange> JoinedAsync(string key) =>
        Received.FirstAsync(c => c.Kind == PresenceChangeKind.Joined && c.Entry.Key == key);

    public Task<PresenceChange> LeftAsync(string key) =>
        Received.FirstAsync(c => c.Kind == PresenceChangeKind.Left && c.Entry.Key == key);

    private void Record(PresenceChange change)
    {
        var key = (change.Entry.Topic, change.Entry.Key);
        _devices[key] = _devices.GetValueOrDefault(key) + (change.Kind switch
        {
            PresenceChangeKind.Joined => 1,
            PresenceChangeKind.Left => -1,
            _ => 0,
        });
        if ((change.IsFirst && !_keys.Add(key)) || (change.IsLast && !_keys.Remove(key)))
        {
            _errors.Add($"{change} is first or last of its key again");
        }

        var id = change.Entry.First;
        var present = _present.GetValueOrDefault(id);
        var isValid = change.Kind switch
        {
            PresenceChangeKind.Joined => present == 0,
            _ => present == 1,
        };
        if (!isValid)
        {
            _errors.Add($"{change.Kind} {change.Entry.Key} of {change.Entry.Owner.Node}, present {present} times");
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
