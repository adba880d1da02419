namespace Presence.Grains.Clustering;

/// <summary>The silos that a process is to run, before they have ports.</summary>
/// <param name="Count">Number of silos.</param>
/// <param name="HttpPort">HTTP port of the first one, from which its others derive; 0 lets the system choose.</param>
/// <param name="Name">Name of the only silo, or the prefix of several; null derives names from ports.</param>
/// <param name="Options">The options of the cluster.</param>
internal sealed record SiloPlan(int Count, int HttpPort, string? Name, SiloClusterOptions Options)
{
    /// <summary>Returns the HTTP port of a silo; 0 if the system chooses.</summary>
    public int HttpPortOf(int number) => HttpPort == 0 ? 0 : HttpPort + number - 1;
}
