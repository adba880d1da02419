using Presence.Harness.Members;
using Presence.Harness.Networks;
using Presence.Harness.Databases;

namespace Presence.Processes.Tests.Faults;

/// <summary>What the fault tests have to know of an engine.</summary>
public abstract class EngineUnderTest
{
    /// <summary>A generous time for what is not itself measured, on a busy machine.</summary>
    protected static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    private protected abstract string Engine { get; }

    private protected abstract IReadOnlyDictionary<string, string> Settings { get; }

    /// <summary>Waits until the engine itself holds the member to be dead.</summary>
    private protected abstract Task EngineNoticesAsync(MemberCluster cluster, string member);

    /// <summary>Whether a member that returns after it was held dead has to end itself, or may come back.</summary>
    private protected abstract bool DeathIsFinal { get; }

    private protected Task<MemberCluster> ClusterAsync(PostgresServer? server = null, TestNetwork? network = null) =>
        MemberCluster.CreateAsync(Engine, Settings, server, network);
}
