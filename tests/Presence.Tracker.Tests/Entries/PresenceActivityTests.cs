namespace Presence.Tracker.Tests.Entries;

public sealed class PresenceActivityTests
{
    private static readonly DateTimeOffset Noon = DateTimeOffset.FromUnixTimeMilliseconds(1000);

    [Theory]
    [InlineData("{}", """{"activity":"idle","activity_since":1000}""")]
    [InlineData(
        """{"activity":7,"name":"ann","activity_since":1}""",
        """{"name":"ann","activity":"idle","activity_since":1000}""")]
    public void Activity_is_written_and_other_fields_are_kept(string meta, string expected) => Assert.Equal(
        expected, PresenceMeta.Parse(meta).WithActivity(PresenceActivity.Idle, Noon).ToString());

    [Theory]
    [InlineData("{}", PresenceActivity.Active)]
    [InlineData("""{"activity":"idle"}""", PresenceActivity.Idle)]
    [InlineData("""{"activity":"away"}""", PresenceActivity.Away)]
    [InlineData("""{"activity":"asleep"}""", PresenceActivity.Active)]
    [InlineData("""{"activity":{}}""", PresenceActivity.Active)]
    public void Activity_is_read_and_active_by_default(string meta, PresenceActivity expected) =>
        Assert.Equal(expected, PresenceMeta.Parse(meta).GetActivity());

    [Theory]
    [InlineData(PresenceActivity.Active)]
    [InlineData(PresenceActivity.Active, PresenceActivity.Away, PresenceActivity.Active)]
    [InlineData(PresenceActivity.Idle, PresenceActivity.Away, PresenceActivity.Idle)]
    [InlineData(PresenceActivity.Away, PresenceActivity.Away)]
    public void User_is_as_active_as_the_most_active_device(PresenceActivity expected, params PresenceActivity[] all) =>
        Assert.Equal(expected, all.Select(Entry).GetActivity());

    [Fact]
    public void Other_values_are_rejected() => Assert.Throws<ArgumentOutOfRangeException>(
        () => PresenceMeta.Empty.WithActivity((PresenceActivity)3, Noon));

    private static PresenceEntry Entry(PresenceActivity activity) => new(
        new("node", 1), 1, 1, 0, 1, "lobby", "ann", PresenceMeta.Empty.WithActivity(activity, Noon));
}
