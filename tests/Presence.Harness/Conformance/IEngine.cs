namespace Presence.Harness.Conformance;

/// <summary>An engine under test: one cluster, and a way to start members in it.</summary>
/// <remarks>Engines whose members are nothing but links derive from <see cref="LinkEngine"/>.</remarks>
public interface IEngine : IAsyncDisposable
{
    /// <summary>The largest frame the engine promises to carry.</summary>
    int MostFrameBytes { get; }

    /// <summary>Starts a member that is a link alone, with a receiver of the test.</summary>
    Task<IEngineMember> StartLinkAsync(string name, IClusterReceiver receiver);

    Task<IEngineMember> StartNodeAsync(string name, Action<PresenceOptions> configure);
}

/// <summary>A member in a cluster: a link alone, or a whole node.</summary>
public interface IEngineMember
{
    IClusterLink Link { get; }

    /// <summary>Of a whole member.</summary>
    IPresenceNode Node { get; }

    /// <summary>Ends it in order: the others hear that it is gone.</summary>
    Task StopAsync();

    /// <summary>Ends it as a crash does: none of its own code tells anybody.</summary>
    Task KillAsync();
}
