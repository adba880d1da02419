using Presence.Harness.Databases;
using Presence.Harness.Members;
using Presence.Harness.Networks;

namespace Presence.Processes.Tests.Faults;

/// <summary>What the fault tests have to know of an engine.</summary>
/// <param name="Settings">Of each member.</param>
/// <param name="DeathIsFinal">Whether a member that returns after it was held dead has to end itself, or may come back.</param>
/// <param name="NoticesAsync">Waits until the engine itself holds the member to be dead.</param>
internal sealed record TestedEngine(
    IReadOnlyDictionary<string, string> Settings,
    bool DeathIsFinal,
    Func<MemberCluster, string, Task> NoticesAsync);

/// <summary>Faults that every engine has to survive.</summary>
public abstract class EngineUnderTest
{
    /// <summary>A generous time for what is not itself measured, on a busy machine.</summary>
    protected static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    private readonly TestedEngine _engine;

    private protected EngineUnderTest(TestedEngine engine) => _engine = engine;

    private protected bool DeathIsFinal => _engine.DeathIsFinal;

    private protected Task EngineNoticesAsync(MemberCluster cluster, string member) => _engine.NoticesAsync(cluster, member);

    private protected Task<MemberCluster> ClusterAsync(PostgresServer? server = null, TestNetwork? network = null) =>
        MemberCluster.CreateAsync(_engine.Settings, server, network);
}
