namespace Presence.Tracker.Tests.Entries;

public sealed class Coalescing_diffs
{
    [Fact]
    public void Join_and_leave_are_nothing()
    {
        var a = Members.Named("a")["a"];
        a.Track("k");
        a.Untrack("k");
        Assert.Equal("", Net(a));
    }

    [Fact]
    public void Join_and_update_are_a_join_of_the_newest()
    {
        var a = Members.Named("a")["a"];
        a.Track("k");
        a.Update("k", """{"v":1}""");
        Assert.Equal("""Joined k {"v":1}""", Net(a));
    }

    [Fact]
    public void Updates_are_one_from_the_first_shown_to_the_last()
    {
        var a = Members.Named("a")["a"];
        a.Track("k", """{"v":0}""");
        a.Changes.Clear();
        a.Update("k", """{"v":1}""");
        a.Update("k", """{"v":2}""");
        Assert.Equal("""Updated k {"v":0} {"v":2}""", Net(a));
    }

    [Fact]
    public void Update_and_leave_are_a_leave_of_what_was_shown_with_the_final_version()
    {
        var a = Members.Named("a")["a"];
        a.Track("k", """{"v":0}""");
        a.Changes.Clear();
        a.Update("k", """{"v":1}""");
        a.Untrack("k");
        Assert.Equal("""Left k {"v":0} {"v":1}""", Net(a));
    }

    [Fact]
    public void Leave_and_join_stay_both()
    {
        var a = Members.Named("a")["a"];
        a.Track("k", """{"v":0}""");
        a.Changes.Clear();
        a.Untrack("k");
        a.Track("k", """{"v":1}""");
        a.Update("k", """{"v":2}""");
        Assert.Equal("""Left k {"v":0} {"v":0}, Joined k {"v":2}""", Net(a));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_net_effect_applied_to_what_was_shown_gives_what_is_shown(int seed)
    {
        var random = new Random(seed);
        var a = Members.Named("a")["a"];
        var coalescer = new DiffCoalescer();
        var shown = new Dictionary<string, string>();
        for (var step = 0; step < 3000; step++)
        {
            var key = $"k{random.Next(12)}";
            switch (random.Next(3))
            {
                case 0 when a.Shard.Index.List("t").GetByKey(key).Count == 0:
                    a.Track(key, $$"""{"v":{{step}}}""");
                    break;
                case 1 when a.Shard.Index.List("t").GetByKey(key).Count == 1:
                    a.Update(key, $$"""{"v":{{step}}}""");
                    break;
                default:
                    a.Untrack(key);
                    break;
            }

            a.Changes.ForEach(coalescer.Add);
            a.Changes.Clear();
            if (random.Next(20) == 0)
            {
                foreach (var change in coalescer.Drain())
                {
                    Apply(shown, change);
                }

                Assert.Equal(
                    a.Shard.Index.List("t").Select(e => (e.Key, e.Ref)),
                    shown.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => (s.Key, s.Value)));
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

    private static string Net(Member member)
    {
        var coalescer = new DiffCoalescer();
        member.Changes.ForEach(coalescer.Add);
        return string.Join(", ", coalescer.Drain().Select(c =>
            $"{c.Kind} {c.Entry.Key} {(c.LastShown is null ? "" : c.LastShown.Meta + " ")}{c.Entry.Meta}"));
    }
}
