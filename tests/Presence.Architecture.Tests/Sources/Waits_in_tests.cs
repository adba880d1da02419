namespace Presence.Architecture.Tests.Sources;

/// <summary>
/// A test advances its own clock or awaits an event with a generous timeout: a nap is too short on a busy machine and too long on any other.
/// </summary>
public sealed partial class Waits_in_tests
{
    // Programs that measure: how long they watch is what they are told.
    private const string Benchmarks = "tests/Presence.Benchmarks/";

    /// <summary>Files that wait in real time, each with the reason why there is no event to await and no clock to advance.</summary>
    private static readonly Dictionary<string, string> InRealTime = new()
    {
        ["tests/Presence.Harness/Patience.cs"] = "It looks at other processes again and again: this is the pause between two looks.",
        ["tests/Presence.Harness/Members/RoomClient.cs"] = "It is a timeout beside the event that is awaited.",
        ["tests/Presence.Harness/Networks/Relay.cs"] = "It delays what passes: a slow line is what it is for.",
        ["tests/Presence.UniqueMember/EffectLoop.cs"] = "It is the pace of a program under test.",
        ["tests/Presence.Processes.Tests/Faults/IdleCostTests.cs"] = "It measures what idle processes use in a given time.",
        ["tests/Presence.Processes.Tests/Storms/A_storm_of_faults.cs"] = "A storm lasts as long as it is told to.",
        ["tests/Presence.Processes.Tests/Storms/Person.cs"] = "People pause between what they do.",
        ["tests/Presence.Processes.Tests/Unique/ScheduledRun.cs"] = "Faults come after, and last for, what the schedule says.",
        ["tests/Presence.Processes.Tests/Unique/ServerOutages.cs"] = "An outage lasts for a while, of other processes' time.",
        ["tests/Grains.Tests/Topics/TopicPresenceGrainTests.cs"] = "A lease of the grain's real clock is renewed while it lasts.",
    };

    [Fact]
    public void No_test_sleeps()
    {
        var naps = from file in Repository.TestFiles
                   where !file.StartsWith(Benchmarks, StringComparison.Ordinal)
                   where !InRealTime.ContainsKey(file) && !file.EndsWith($"/{nameof(Waits_in_tests)}.cs", StringComparison.Ordinal)
                   from line in Naps(file)
                   select line;
        Findings.MustBeNone(naps, "Advance a clock, await an event, or give the reason in the list of files that wait in real time.");
    }

    [Fact]
    public void No_reason_outlives_the_nap_it_was_given_for() => Assert.All(InRealTime.Keys, file =>
        Assert.True(File.Exists(Repository.PathOf(file)) && Naps(file).Count > 0, $"{file} waits no more: take it out of the list."));

    [Theory]
    [InlineData("Thread.Sleep(10);", true)]
    [InlineData("Thread.Sleep(Moment);", true)]
    [InlineData("await Task.Delay(10);", true)]
    [InlineData("await Task.Delay(TimeSpan.FromSeconds(1));", true)]
    [InlineData("await Task.Delay(Settling);", true)]
    [InlineData("await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero, stop);", true)]
    [InlineData("await Task.WhenAny(left, Task.Delay(lease.Duration / 5));", true)]
    [InlineData("await Task.Delay(Timeout.Infinite, stop);", false)]
    [InlineData("await Task.Delay(Timeout.InfiniteTimeSpan, stop);", false)]
    [InlineData("await Task.Delay(Settling, time);", false)]
    [InlineData("await Task.Delay(TimeSpan.FromSeconds(1), _clock.Time, stop);", false)]
    [InlineData("await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, stop);", true)]
    public void A_nap_is_known_by_its_text(string text, bool isNap) => Assert.Equal(isNap, IsNap(text));

    private static List<string> Naps(string file) =>
    [
        .. from line in Repository.Lines(file).Select((text, index) => (Text: text, Number: index + 1))
           where IsNap(line.Text)
           select $"{file}:{line.Number}: {line.Text.Trim()}",
    ];

    private static bool IsNap(string line) => Sleep().IsMatch(line) && !InVirtualTime().IsMatch(line) && !UntilCancelled().IsMatch(line);

    [GeneratedRegex(@"\bThread\.Sleep\(|\bTask\.Delay\(")]
    private static partial Regex Sleep();

    [GeneratedRegex(@"\bTask\.Delay\(.*,\s*(?!TimeProvider\.System)[\w.]*([Tt]ime|[Cc]lock)\w*\s*[,)]")]
    private static partial Regex InVirtualTime();

    [GeneratedRegex(@"\bTask\.Delay\(Timeout\.Infinite")]
    private static partial Regex UntilCancelled();
}
