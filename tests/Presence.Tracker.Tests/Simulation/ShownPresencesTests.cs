using Presence.TestKit.Cluster;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>The replay that the simulation compares with every list must detect every wrong change.</summary>
public sealed class ShownPresencesTests
{
    private readonly ShownPresences _shown = new();

    [Fact]
    public void Presence_from_join_to_leave_is_no_error()
    {
        Assert.Null(_shown.Apply(PresenceChange.Joined(Version(1))));
        Assert.Null(_shown.Apply(PresenceChange.Updated(Version(1), Version(3, previous: 1))));
        Assert.Equal(1, _shown.Count);
        Assert.Equal(1, _shown.CountOf("t"));
        Assert.Null(_shown.Apply(
            PresenceChange.Left(Version(3, previous: 1), Version(5, previous: 3), LeaveReason.Untracked)));
        Assert.Equal(0, _shown.Count);
        Assert.Equal(0, _shown.CountOf("t"));
    }

    [Fact]
    public void Second_join_is_an_error()
    {
        _shown.Apply(PresenceChange.Joined(Version(1)));
        Assert.Contains("joined twice", _shown.Apply(PresenceChange.Joined(Version(1))), StringComparison.Ordinal);
    }

    [Fact]
    public void Leave_or_update_without_a_join_is_an_error()
    {
        Assert.NotNull(_shown.Apply(PresenceChange.Left(Version(1), Version(1), LeaveReason.Untracked)));
        Assert.NotNull(_shown.Apply(PresenceChange.Updated(Version(1), Version(3, previous: 1))));
    }

    [Fact]
    public void Change_that_names_another_version_than_the_shown_one_is_an_error()
    {
        _shown.Apply(PresenceChange.Joined(Version(3, previous: 1)));
        Assert.NotNull(_shown.Apply(PresenceChange.Updated(Version(1), Version(5, previous: 3))));
        Assert.NotNull(_shown.Apply(PresenceChange.Left(Version(1), Version(5, previous: 3), LeaveReason.Untracked)));
    }

    [Fact]
    public void Change_to_an_older_version_or_another_presence_is_an_error()
    {
        _shown.Apply(PresenceChange.Joined(Version(5, born: 5)));
        Assert.NotNull(_shown.Apply(PresenceChange.Updated(Version(5, born: 5), Version(3))));
        Assert.NotNull(_shown.Apply(PresenceChange.Updated(Version(3), Version(7, born: 7))));
    }

    private static PresenceEntry Version(ulong sequence, ulong born = 1, ulong previous = 0) =>
        new(new ReplicaId("a", 1), sequence, born, previous, 9, "t", "k", default);
}
