namespace Presence.Harness.Networks;

/// <summary>A network namespace with one address, behind the network's router.</summary>
/// <param name="Namespace">Name of the namespace for <c>ip netns</c>.</param>
/// <param name="Address">Its address for all other places.</param>
/// <param name="RouterInterface">The router's interface of its link.</param>
public sealed record NetworkPlace(string Name, string Namespace, IPAddress Address, string RouterInterface)
{
    /// <summary>Gets the command-line prefix that runs a program there.</summary>
    public IReadOnlyList<string> Prefix => [TestNetwork.Ip!, "netns", "exec", Namespace];
}
