using Presence.Harness;
using Presence.Harness.Members;

namespace Presence.Processes.Tests.Faults;

internal static class OrleansUnderTest
{
    /// <summary>As Orleans numbers it.</summary>
    private const int Dead = 6;

    /// <summary>A silo is declared dead after about four seconds and a half.</summary>
    public static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["Presence:Orleans:ProbeTimeout"] = "1500ms",
    };

    /// <summary>Until the table says that the silo is dead.</summary>
    public static Task NoticesAsync(MemberCluster cluster, string member) => Patience.UntilAsync(
        $"Orleans declares {member} dead",
        TimeSpan.FromSeconds(60),
        async () => await cluster.Database.ReadAsync<long>(
            $"SELECT count(*) FROM presence_orleans.silo WHERE name = '{member}' AND status = {Dead}") > 0);

    public static TestedEngine Engine { get; } = new(Settings, DeathIsFinal: true, NoticesAsync);
}
