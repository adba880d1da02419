namespace Presence.Grains.Clustering;

/// <summary>Silos cannot start for a reason that the user can fix. The message is one line.</summary>
internal sealed class SiloStartException(string message) : Exception(message);
