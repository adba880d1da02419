namespace Presence.Processes.Tests.Chaos;

/// <summary>The errors that silos may log during faults, each with what an operator does about it.</summary>
internal static class ExpectedErrors
{
    private static readonly (string Category, string Message)[] All =
    [
        // The silo was declared dead while it lived, and ends: its orchestrator starts another one.
        ("Orleans.Runtime.FatalErrorHandler", "Fatal error from Orleans.Runtime.MembershipService."
            + "MembershipTableManager. Context: I have been told I am "),
        ("Orleans.Runtime.MembershipService.MembershipTableManager", "I have been told I am "),

        // The database is away, or the silo is cut off from it: look at the database and its links.
        ("Orleans.Runtime.MembershipService.MembershipTableManager", "Error while processing suspect or kill lists."),

        // The process was suspended, or the machine is too small: look at its load.
        ("Orleans.Runtime.MembershipService.LocalSiloHealthMonitor", ".NET Thread Pool execution stalled for "),
    ];

    /// <param name="line">The category, an event number in brackets, a line break, and the message.</param>
    public static bool Contain(string line)
    {
        var (category, message) = line.Split('[', 2) is [var before, var rest] && rest.Split(']', 2) is [_, var after]
            ? (before, after.TrimStart())
            : ("", line);
        return Array.Exists(All, error =>
            string.Equals(error.Category, category, StringComparison.Ordinal)
            && message.StartsWith(error.Message, StringComparison.Ordinal));
    }
}
