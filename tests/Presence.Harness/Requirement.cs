namespace Presence.Harness;

/// <summary>What a test needs of the machine and the machine may lack.</summary>
public static class Requirement
{
    /// <summary>
    /// Skips the test with a reason, or fails it if <c>PRESENCE_REQUIRE</c> names what is missing.
    /// </summary>
    /// <param name="name">As in <c>PRESENCE_REQUIRE</c>, for example <c>postgres</c>.</param>
    /// <param name="missing">Why it cannot be had here; null if it can.</param>
    public static void Demand(string name, string? missing)
    {
        if (missing is null)
        {
            return;
        }

        Assert.False(IsRequired(name), $"{missing} PRESENCE_REQUIRE names {name}.");
        Skip.If(true, missing);
    }

    /// <summary>Whether a skip for want of <paramref name="name"/> is to be a failure.</summary>
    public static bool IsRequired(string name) => (Environment.GetEnvironmentVariable("PRESENCE_REQUIRE") ?? "")
        .Split(',', StringSplitOptions.TrimEntries)
        .Contains(name, StringComparer.OrdinalIgnoreCase);
}
