using Presence.Tracker.Cursors;
using Presence.Tracker.Sessions;

namespace Presence.Tracker.Tests.Cursors;

/// <summary>
/// A random history of three nodes in which readers come back with the cursor of an earlier moment, on the node that
/// they had it from or on another. Checks that what they have and the answer are what the node shows.
/// </summary>
internal sealed class CursorHistory(int seed, CursorDefect defect = CursorDefect.None)
{
    private static readonly string[] Names = ["a", "b", "c"];
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    private readonly Random _random = new(seed);
    private readonly Nodes _nodes = Nodes.Named(Names);
    private readonly List<(string Node, string Cursor, Dictionary<string, string> Picture)> _readers = [];
    private readonly Dictionary<SessionId, (string Node, ulong Process, uint Resumes)> _sessions = [];
    private ulong _process = 100;
    private string? _cutOff;

    public int Exact { get; private set; }

    public int ExactElsewhere { get; private set; }

    public int Elsewhere { get; private set; }

    public int Asked { get; private set; }

    public void Run(int steps, bool faults)
    {
        for (var step = 0; step < steps; step++)
        {
            Change();
            if (faults && step % 40 == 0)
            {
                _cutOff = _cutOff is null ? Pick() : null;
            }

            Wait(faults);
            Read();
        }
    }

    private void Change()
    {
        var node = _nodes[Pick()];
        var key = $"k{_random.Next(8)}";
        var process = (ulong)_random.Next(3) + 1;
        var meta = $$"""{"v":{{_random.Next(1000)}}}""";
        var has = node.Shard.EntriesOf(process).Any(e => e.Topic == "t" && e.Key == key);
        switch (_random.Next(10))
        {
            case < 3:
                _ = has ? node.Update(key, meta, process) : node.Track(key, meta, process);
                break;
            case < 6:
                node.Untrack(key, process);
                break;
            case 6:
                node.End(process);
                break;
            case 7:
                node.Track(key, meta, topic: $"other {_process++}");
                break;
            case 8:
                Open(node, key, meta);
                break;
            default:
                Resume();
                break;
        }
    }

    private void Open(NodeHost node, string key, string meta)
    {
        var id = new SessionId((ulong)seed, ++_process);
        _sessions.Add(id, (node.Name, _process, 0));
        var stamp = new SessionStamp(id, default, Grace);
        node.Do((s, now, fx) => s.Track(now, _process, "t", key, PresenceMeta.Parse(meta), fx, stamp));
    }

    /// <summary>Another node takes a session over, with the metadata as they are or others; or it ends.</summary>
    private void Resume()
    {
        if (_sessions.Count == 0)
        {
            return;
        }

        var (id, (from, process, resumes)) = _sessions.ElementAt(_random.Next(_sessions.Count));
        var owner = _nodes[from];
        var to = Pick();
        if (to == from || _random.Next(4) == 0)
        {
            _sessions.Remove(id);
            owner.End(process);
            return;
        }

        var isChanged = _random.Next(2) == 0;
        var adopted = owner.Shard.EntriesOf(process).Select(e => new AdoptedPresence(
            new TrackRequest(e.Topic, e.Key, isChanged ? PresenceMeta.Empty : e.Meta),
            isChanged ? default : e.RefDot)).ToArray();
        _sessions[id] = (to, ++_process, resumes + 1);
        var stamp = new SessionStamp(id, new Generation(resumes + 1, 0), Grace);
        _nodes[to].Do((s, now, fx) => s.Adopt(now, _process, stamp, adopted, null, fx));
        owner.Do((s, now, fx) => s.UntrackAll(now, process, LeaveReason.Superseded, fx));
    }

    private void Wait(bool faults)
    {
        // Mostly less than the delay of deltas; sometimes long enough to hide a node that is cut off.
        var time = TimeSpan.FromMilliseconds(_random.Next(12) switch { < 4 => 20, < 10 => 140, _ => 3000 });
        _nodes.Pass(
            time,
            (from, to, _) => (faults && _random.Next(20) == 0) || from == _cutOff || to == _cutOff,
            name => name != _cutOff);
    }

    private void Read()
    {
        var name = Pick();
        var digest = TopicDigest.Of("t", _nodes[name].Shard.Index.List("t"));
        _readers.Add((name, TopicCursor.Of(digest)!.Text, Picture(name)));
        if (_readers.Count < 12)
        {
            return;
        }

        var at = _random.Next(_readers.Count);
        var (node, text, picture) = _readers[at];
        _readers.RemoveAt(at);
        Answer(node, text, picture);
    }

    private void Answer(string had, string text, Dictionary<string, string> picture)
    {
        var name = Pick();
        var isElsewhere = name != had;
        Asked++;
        Elsewhere += isElsewhere ? 1 : 0;
        Assert.True(TopicCursor.TryParse(text, out var cursor));
        var digest = TopicDigest.Of("t", _nodes[name].Shard.Index.List("t"));
        var changes = Enumerable.Reverse(_nodes[name].Changes).Where(c => c.Entry.Topic == "t");
        if (CursorDifference.Since(cursor, digest, changes, defect) is not { } missed)
        {
            Assert.True(isElsewhere, $"Seed {seed}: node {name} does not know its own picture");
            return;
        }

        Exact++;
        ExactElsewhere += isElsewhere ? 1 : 0;
        foreach (var change in missed)
        {
            if (change.LastShown is { } left)
            {
                Assert.True(picture.Remove(left.Ref), $"Seed {seed}: {change} was not there");
            }

            if (change.Kind != PresenceChangeKind.Left)
            {
                Assert.True(picture.TryAdd(change.Entry.Ref, Text(change.Entry)), $"Seed {seed}: {change} was there");
            }
        }

        Assert.Equal(Picture(name).OrderBy(p => p.Key), picture.OrderBy(p => p.Key));
    }

    private Dictionary<string, string> Picture(string node) =>
        _nodes[node].Shard.Index.List("t").ToDictionary(e => e.Ref, Text);

    private static string Text(PresenceEntry entry) => entry.Key + entry.Meta;

    private string Pick() => Names[_random.Next(Names.Length)];
}
