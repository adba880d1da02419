namespace Presence.Tracker.Tests.Entries;

public sealed class DiffCoalescerTests
{
    private readonly NodeHost _a = Nodes.Named("a")["a"];

    [Theory]
    [InlineData("", "join 0, leave", "")]
    [InlineData("", "join 0, update 1", """Joined k {"v":1}""")]
    [InlineData("join 0", "update 1, update 2", """Updated k {"v":0} {"v":2}""")]
    [InlineData("join 0", "update 1, leave", """Left k {"v":0} {"v":1}""")]
    [InlineData("join 0", "leave, join 1, update 2", """Left k {"v":0} {"v":0}, Joined k {"v":2}""")]
    public void Changes_have_a_net_effect_on_what_was_shown_before(string before, string changes, string net)
    {
        Do(before);
        _a.Changes.Clear();
        Do(changes);
        Assert.Equal(net, Net());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Net_effect_applied_to_what_was_shown_gives_what_is_shown(int seed)
    {
        var random = new Random(seed);
        var coalescer = new DiffCoalescer();
        var shown = new Dictionary<string, string>();
        for (var step = 0; step < 3000; step++)
        {
            var key = $"k{random.Next(12)}";
            switch (random.Next(3))
            {
                case 0 when _a.Shard.Index.List("t").GetByKey(key).Count == 0:
                    _a.Track(key, $$"""{"v":{{step}}}""");
                    break;
                case 1 when _a.Shard.Index.List("t").GetByKey(key).Count == 1:
                    _a.Update(key, $$"""{"v":{{step}}}""");
                    break;
                default:
                    _a.Untrack(key);
                    break;
            }

            _a.Changes.ForEach(coalescer.Add);
            _a.Changes.Clear();
            if (random.Next(20) == 0)
            {
                foreach (var change in coalescer.Drain())
                {
                    Apply(shown, change);
                }

                Assert.Equal(
                    _a.Shard.Index.List("t").Select(e => (e.Key, e.Ref)),
                    shown.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => (s.Key, s.Value)));
            }
        }
    }

    [Theory]
    [InlineData("", "+1 +2", "+1!, +2")]
    [InlineData("", "+1 +2 -1", "+2!")]
    [InlineData("", "+1 -1", "")]
    [InlineData("+1 +2", "-1", "-1")]
    [InlineData("+1 +2", "-1 -2", "-1, -2!")]
    [InlineData("+1", "-1 +2", "-1, +2")]
    [InlineData("+1", "-1 +2 -2", "-1!")]
    [InlineData("+1", "-1 +1 +2", "-1, +1, +2")]
    public void First_and_last_device_of_a_key_are_marked_in_sum(string before, string changes, string net)
    {
        Do(before);
        _a.Changes.Clear();
        Do(changes);
        var coalescer = new DiffCoalescer();
        _a.Changes.ForEach(coalescer.Add);
        Assert.Equal(net, string.Join(", ", coalescer.Drain().Select(c =>
            $"{(c.Kind == PresenceChangeKind.Left ? '-' : '+')}{c.Entry.Process}{(c.ChangesKey ? "!" : "")}")));

        static ulong Number(string device) => (ulong)(device[1] - '0');

        void Do(string devices)
        {
            foreach (var device in devices.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                _ = device[0] == '+' ? (object)_a.Track("k", process: Number(device)) : _a.Untrack("k", Number(device));
            }
        }
    }

    private static void Apply(Dictionary<string, string> shown, PresenceChange change)
    {
        if (change.LastShown is { } last)
        {
            Assert.True(shown.Remove(last.Key, out var held));
            Assert.Equal(last.Ref, held);
        }

        if (change.Kind != PresenceChangeKind.Left)
        {
            shown.Add(change.Entry.Key, change.Entry.Ref);
        }
    }

    private void Do(string changes)
    {
        foreach (var words in changes.Split(", ", StringSplitOptions.RemoveEmptyEntries).Select(
            change => change.Split(' ')))
        {
            _ = words[0] switch
            {
                "join" => (object)_a.Track("k", $$"""{"v":{{words[1]}}}"""),
                "update" => _a.Update("k", $$"""{"v":{{words[1]}}}"""),
                _ => _a.Untrack("k"),
            };
        }
    }

    private string Net()
    {
        var coalescer = new DiffCoalescer();
        _a.Changes.ForEach(coalescer.Add);
        return string.Join(", ", coalescer.Drain().Select(c =>
            $"{c.Kind} {c.Entry.Key} {(c.LastShown is null ? "" : c.LastShown.Meta + " ")}{c.Entry.Meta}"));
    }
}
