using Presence.Tracker.Index;
using Presence.Tracker.Views;

namespace Presence.Tracker.Tests.Views;

/// <summary>Views against a model that filters and cuts the whole topic after each batch of changes.</summary>
public sealed class TopicViewsTests
{
    private const string Topic = "t";

    private static readonly ReplicaId Owner = new("n", 1);
    private static readonly string[] Statuses = ["busy", "free", "away"];

    private static readonly PresenceView[] Views =
    [
        new() { First = 5 },
        new() { First = 1 },
        new() { First = 1000 },
        new() { Prefix = "k1" },
        new() { First = 4, Prefix = "k2" },
        new() { Where = Where(("/status", "busy")) },
        new() { First = 3, Where = Where(("/status", "busy")) },
        new() { First = 3, Prefix = "k1", Where = Where(("/status", "free"), ("/in/room", "1")) },
        new() { First = 3, Prefix = "nobody" },
    ];

    private readonly PresenceIndex _index = new();
    private readonly SortedDictionary<(string Key, ulong Process), PresenceEntry> _model = new(
        Comparer<(string Key, ulong Process)>.Create((a, b) =>
            string.CompareOrdinal(a.Key, b.Key) is var c && c != 0 ? c : a.Process.CompareTo(b.Process)));

    private ulong _sequence;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 20)]
    [InlineData(4, 90)]
    public void Views_show_what_belongs_to_them_and_distinguish_coming_into_view_from_joining(int seed, int maxBatch)
    {
        var random = new Random(seed);
        Batch(random, 100, grow: 0.9);
        var views = new TopicViews<Reader>(_index.List(Topic));
        var readers = Views.Select(view => new Reader(view)).ToArray();
        foreach (var reader in readers)
        {
            reader.Start(views.Add(reader.View, reader));
        }

        for (var step = 0; step < 1500; step++)
        {
            var before = _model.Values.Select(entry => entry.Identity).ToHashSet();
            var changes = Batch(random, random.Next(1, maxBatch + 1), grow: step % 300 < 150 ? 0.6 : 0.35);
            var joined = changes.Where(change => change.Kind == PresenceChangeKind.Joined)
                .Select(change => change.Entry.Identity).ToHashSet();
            var left = changes.Where(change => change.Kind == PresenceChangeKind.Left)
                .Select(change => change.Entry.Identity).ToHashSet();
            views.Apply(changes, _index.List(Topic), (notified, ofView, snapshot) =>
            {
                foreach (var reader in notified)
                {
                    reader.Apply(ofView, snapshot, before, joined, left);
                }
            });
            foreach (var reader in readers)
            {
                Assert.Equal(Expected(reader.View), reader.Shown);
            }
        }

        foreach (var reader in readers)
        {
            var moves = reader.View.First is < 60 && reader.View.Prefix != "nobody" || reader.View.Where.Count > 0;
            Assert.Equal(moves, reader.OfView > 0);
            views.Remove(reader.View, reader);
        }

        Assert.Equal((0, 1), (views.Count, views.Indexes));
    }

    [Fact]
    public void Field_is_indexed_when_its_views_have_looked_at_as_many_others_as_the_topic_has()
    {
        Batch(new Random(1), 400, grow: 1);
        var views = new TopicViews<Reader>(_index.List(Topic));
        var many = new Reader(new PresenceView { First = 3, Where = Where(("/status", "busy")) });
        many.Start(views.Add(many.View, many));
        Assert.Equal(0, views.Indexes);
        var none = new Reader(new PresenceView { First = 3, Where = Where(("/status", "nobody")) });
        none.Start(views.Add(none.View, none));
        Assert.Equal(1, views.Indexes);
        Assert.Equal(Expected(many.View), many.Shown);
        Assert.Empty(none.Shown);
    }

    [Fact]
    public void Change_behind_a_full_window_notifies_nobody()
    {
        Batch(new Random(1), 400, grow: 1);
        var views = new TopicViews<Reader>(_index.List(Topic));
        var reader = new Reader(new PresenceView { First = 5 });
        reader.Start(views.Add(reader.View, reader));
        var last = _model.Values.Last();
        _index.Remove(last);
        _index.Publish();
        views.Apply(
            [PresenceChange.Left(last, last, LeaveReason.Untracked)],
            _index.List(Topic),
            (_, _, _) => Assert.Fail("Nothing changed in the view."));
    }

    [Fact]
    public void Equal_views_are_projected_once()
    {
        Batch(new Random(1), 50, grow: 1);
        var views = new TopicViews<Reader>(_index.List(Topic));
        var readers = new Reader[3];
        for (var i = 0; i < readers.Length; i++)
        {
            readers[i] = new Reader(new PresenceView { First = 5, Where = Where(("/status", "busy")) });
            Assert.Same(views.Add(readers[0].View, readers[0]), views.Add(readers[i].View, readers[i]));
        }

        Assert.Equal(1, views.Count);
    }

    /// <summary>Changes presences at random, and publishes them.</summary>
    private List<PresenceChange> Batch(Random random, int count, double grow)
    {
        var changes = new List<PresenceChange>();
        for (var i = 0; i < count; i++)
        {
            var at = (Key: $"k{random.Next(60)}", Process: (ulong)random.Next(3));
            var isThere = _model.TryGetValue(at, out var old);
            if (random.NextDouble() < grow)
            {
                var meta = PresenceMeta.From(new
                {
                    status = Statuses[random.Next(Statuses.Length)],
                    @in = new { room = random.Next(2) },
                });
                var born = isThere ? old!.CreatedSequence : _sequence + 1;
                var entry = new PresenceEntry(
                    Owner, ++_sequence, born, old?.Sequence ?? 0, at.Process, Topic, at.Key, meta);
                _index.Set(entry, isNew: !isThere);
                _model[at] = entry;
                changes.Add(isThere ? PresenceChange.Updated(old!, entry) : PresenceChange.Joined(entry));
            }
            else if (isThere)
            {
                _index.Remove(old!);
                _model.Remove(at);
                changes.Add(PresenceChange.Left(old!, old!, LeaveReason.Untracked));
            }
        }

        _index.Publish();
        return changes;
    }

    private PresenceEntry[] Expected(PresenceView view)
    {
        var matching = _model.Values.Where(entry =>
            entry.Key.StartsWith(view.Prefix ?? "", StringComparison.Ordinal)
            && view.Where.All(field => FieldOf(entry, field.Key) == field.Value)).ToArray();
        var keys = matching.Select(entry => entry.Key).Distinct().Take(view.First ?? int.MaxValue).ToHashSet();
        return [.. matching.Where(entry => keys.Contains(entry.Key))];
    }

    private static string FieldOf(PresenceEntry entry, string field)
    {
        using var json = System.Text.Json.JsonDocument.Parse(entry.Meta.Utf8);
        return field == "/status"
            ? json.RootElement.GetProperty("status").GetString()!
            : json.RootElement.GetProperty("in").GetProperty("room").GetRawText();
    }

    private static Dictionary<string, string> Where(params (string Field, string Value)[] fields) =>
        fields.ToDictionary(field => field.Field, field => field.Value);

    /// <summary>Applies the changes of a view, strictly.</summary>
    private sealed class Reader(PresenceView view)
    {
        private readonly Dictionary<PresenceIdentity, PresenceEntry> _shown = [];

        public PresenceView View => view;

        /// <summary>Gets the number of presences that came into view or went out of it.</summary>
        public int OfView { get; private set; }

        public IEnumerable<PresenceEntry> Shown =>
            _shown.Values.OrderBy(entry => entry.Key, StringComparer.Ordinal).ThenBy(entry => entry.Process);

        public void Start(TopicSnapshot snapshot)
        {
            foreach (var entry in snapshot)
            {
                _shown.Add(entry.Identity, entry);
            }
        }

        public void Apply(
            IReadOnlyList<PresenceChange> changes,
            TopicSnapshot after,
            HashSet<PresenceIdentity> present,
            HashSet<PresenceIdentity> joined,
            HashSet<PresenceIdentity> left)
        {
            var before = _shown.Keys.ToHashSet();
            foreach (var change in changes)
            {
                var identity = change.Entry.Identity;
                if (change is { IsOfView: true, Kind: PresenceChangeKind.Left } && view.Where.Count == 0)
                {
                    Assert.Contains(identity, before);
                }

                if (change.LastShown is { } last)
                {
                    Assert.True(_shown.Remove(identity, out var shown));
                    Assert.Same(shown, last);
                }

                if (change.Kind != PresenceChangeKind.Left)
                {
                    _shown.Add(identity, change.Entry);
                }

                // Coming into view needs a presence that was there; a join, a leave is one of the topic.
                Assert.True((change.Kind, change.IsOfView) switch
                {
                    (PresenceChangeKind.Joined, true) => present.Contains(identity)
                        || (view.Where.Count > 0 && joined.Contains(identity)),
                    (PresenceChangeKind.Joined, false) => joined.Contains(identity),
                    (PresenceChangeKind.Left, false) => left.Contains(identity),
                    _ => true,
                });
                OfView += change.IsOfView ? 1 : 0;
            }

            Assert.Equal(Shown, after);
            Assert.Equal((Shown.Count(), Shown.DistinctBy(entry => entry.Key).Count()), (after.Count, after.KeyCount));
        }
    }
}
