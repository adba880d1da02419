using Presence.Harness;
using Presence.Harness.Histories;
using Presence.Harness.Members;

namespace Presence.Processes.Tests.Faults;

internal static class PostgresUnderTest
{
    public static readonly TimeSpan DownPeriod = TimeSpan.FromSeconds(6);

    /// <summary>A member is held down after six seconds of silence, or four questions that it leaves unanswered.</summary>
    public static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["Presence:Tracker:BroadcastPeriod"] = "500ms",
        ["Presence:Tracker:MaxSilentPeriods"] = "6",
        ["Presence:Tracker:DownPeriod"] = $"{DownPeriod.TotalSeconds}s",
    };

    /// <summary>Until some member says so.</summary>
    public static Task NoticesAsync(MemberCluster cluster, string member) => Patience.UntilAsync(
        $"{member} is held to be down",
        TimeSpan.FromSeconds(60),
        () => cluster.History.Events.OfType<MemberSaid>()
            .Any(said => said.About == member && said.Verdict is MemberVerdict.Down or MemberVerdict.Dead));

    public static TestedEngine Engine { get; } = new("postgres", Settings, DeathIsFinal: false, NoticesAsync);
}
