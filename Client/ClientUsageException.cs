namespace Presence.CommandLine;

/// <summary>The command line cannot be understood; the message says what is wrong with it.</summary>
internal sealed class ClientUsageException(string message) : Exception(message);
