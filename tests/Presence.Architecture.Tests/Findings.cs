namespace Presence.Architecture.Tests;

/// <summary>Reports all violations of a rule; xunit would truncate a collection.</summary>
internal static class Findings
{
    public static void MustBeNone(IEnumerable<string> findings, string rule)
    {
        var all = findings.ToList();
        Assert.True(all.Count == 0, $"{rule} Found:\n  {string.Join("\n  ", all)}");
    }
}
