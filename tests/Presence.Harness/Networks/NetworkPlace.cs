namespace Presence.Harness.Networks;

/// <summary>A network namespace with one address, behind the network's router.</summary>
/// <param name="Namespace">Its name for <c>ip netns</c>.</param>
/// <param name="Address">By which everybody reaches it.</param>
/// <param name="RouterInterface">The router's end of its line.</param>
public sealed record NetworkPlace(string Name, string Namespace, IPAddress Address, string RouterInterface)
{
    /// <summary>Words before a command line that let it run there.</summary>
    public IReadOnlyList<string> Prefix => [TestNetwork.Ip!, "netns", "exec", Namespace];
}
