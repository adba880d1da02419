namespace Presence.CommandLine;

/// <summary>The command line is invalid; the message says why.</summary>
internal sealed class ClientUsageException(string message) : Exception(message);
