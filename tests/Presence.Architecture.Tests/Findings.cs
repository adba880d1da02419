namespace Presence.Architecture.Tests;

/// <summary>Violations of a rule, shown whole: xunit would cut a collection short.</summary>
internal static class Findings
{
    public static void MustBeNone(IEnumerable<string> findings, string rule)
    {
        var all = findings.ToList();
        Assert.True(all.Count == 0, $"{rule} Found:\n  {string.Join("\n  ", all)}");
    }
}
