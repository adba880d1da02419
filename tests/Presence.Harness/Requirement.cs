namespace Presence.Harness;

/// <summary>Checks whether the machine has what a test needs.</summary>
public static class Requirement
{
    /// <summary>Skips the test with a reason, or fails it if <c>PRESENCE_REQUIRE</c> names what is missing.</summary>
    /// <param name="name">As in <c>PRESENCE_REQUIRE</c>, for example <c>postgres</c>.</param>
    /// <param name="missing">Why it is unavailable; null if it is available.</param>
    public static void Demand(string name, string? missing)
    {
        if (missing is null)
        {
            return;
        }

        Assert.False(IsRequired(name), $"{missing} PRESENCE_REQUIRE names {name}.");
        Skip.If(true, missing);
    }

    /// <summary>Returns whether a skip because of <paramref name="name"/> counts as a failure.</summary>
    public static bool IsRequired(string name) => (Environment.GetEnvironmentVariable("PRESENCE_REQUIRE") ?? "")
        .Split(',', StringSplitOptions.TrimEntries)
        .Contains(name, StringComparer.OrdinalIgnoreCase);
}
