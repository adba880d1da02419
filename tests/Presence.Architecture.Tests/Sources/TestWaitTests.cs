namespace Presence.Architecture.Tests.Sources;

/// <summary>
/// A test advances its own clock or awaits an event with a generous timeout: a fixed delay is too short on a busy
/// machine and too long on any other.
/// </summary>
public sealed partial class TestWaitTests
{
    // Benchmarks measure for a configured time.
    private const string Benchmarks = "tests/Presence.Benchmarks/";

    /// <summary>Files that may wait in real time, each with the reason.</summary>
    private static readonly Dictionary<string, string> InRealTime = new()
    {
        ["tests/Presence.Harness/TestTimeouts.cs"] = "It polls other processes: this is the interval.",
        ["tests/Presence.Harness/Nodes/RoomClient.cs"] = "It is the timeout of an awaited event.",
        ["tests/Presence.Harness/Networks/Relay.cs"] = "It simulates a slow connection.",
        ["tests/Presence.UniqueNode/EffectLoop.cs"] = "It is the interval of a program under test.",
        ["tests/Presence.Processes.Tests/Faults/IdleCostTests.cs"] = "It measures idle processes for a given time.",
        ["tests/Presence.Processes.Tests/Chaos/ChaosSoakTests.cs"] = "A chaos run has a configured duration.",
        ["tests/Presence.Processes.Tests/Chaos/SimulatedUser.cs"] = "Simulated users pause between actions.",
        ["tests/Presence.Processes.Tests/Unique/ScheduledRun.cs"] = "The schedule gives start and duration of faults.",
        ["tests/Presence.Processes.Tests/Unique/ServerOutages.cs"] = "An outage of another process has a duration.",
        ["tests/Grains.Tests/Topics/TopicPresenceGrainTests.cs"] = "A lease on the real clock is renewed in time.",
    };

    [Fact]
    public void Tests_do_not_sleep()
    {
        var sleeps = from file in Repository.TestFiles
                     where !file.StartsWith(Benchmarks, StringComparison.Ordinal)
                     where !InRealTime.ContainsKey(file)
                         && !file.EndsWith("/TestWaitTests.cs", StringComparison.Ordinal)
                     from line in Sleeps(file)
                     select line;
        Findings.MustBeNone(sleeps, "Advance a clock, await an event, or add the file with a reason.");
    }

    /// <summary>The time of <c>FakeTimeProvider</c> may advance before its timers have fired.</summary>
    [Fact]
    public void Tests_advance_a_clock_that_waits_for_its_timers()
    {
        var others = from file in Repository.TestFiles
                     where Path.GetFileName(file) is not ("TestTime.cs" or "TestWaitTests.cs")
                     from line in Repository.Lines(file)
                     where NewFakeTime().IsMatch(line)
                     select $"{file}: {line.Trim()}";
        Findings.MustBeNone(others, "Use TestTime.");
    }

    [Fact]
    public void Listed_exceptions_still_sleep() => Assert.All(InRealTime.Keys, file =>
        Assert.True(
            File.Exists(Repository.PathOf(file)) && Sleeps(file).Count > 0,
            $"{file} no longer waits: remove it from the list."));

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
    public void Sleeps_are_recognized_by_their_text(string text, bool isSleep) => Assert.Equal(isSleep, IsSleep(text));

    private static List<string> Sleeps(string file) =>
    [
        .. from line in Repository.Lines(file).Select((text, index) => (Text: text, Number: index + 1))
           where IsSleep(line.Text)
           select $"{file}:{line.Number}: {line.Text.Trim()}",
    ];

    private static bool IsSleep(string line) =>
        SleepPattern().IsMatch(line) && !InVirtualTime().IsMatch(line) && !UntilCancelled().IsMatch(line);

    [GeneratedRegex(@"\bThread\.Sleep\(|\bTask\.Delay\(")]
    private static partial Regex SleepPattern();

    [GeneratedRegex(@"\bnew FakeTimeProvider\b|: FakeTimeProvider\b|\bFakeTimeProvider \w+ = new")]
    private static partial Regex NewFakeTime();

    [GeneratedRegex(@"\bTask\.Delay\(.*,\s*(?!TimeProvider\.System)[\w.]*([Tt]ime|[Cc]lock)\w*\s*[,)]")]
    private static partial Regex InVirtualTime();

    [GeneratedRegex(@"\bTask\.Delay\(Timeout\.Infinite")]
    private static partial Regex UntilCancelled();
}
