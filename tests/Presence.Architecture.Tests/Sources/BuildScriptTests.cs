namespace Presence.Architecture.Tests.Sources;

/// <summary>Each script exists for bash and for PowerShell. See decision 0061.</summary>
public sealed partial class BuildScriptTests
{
    [Theory]
    [InlineData("run")]
    [InlineData("test")]
    [InlineData("pack")]
    public void Options_are_the_same_in_both_shells(string script)
    {
        var options = Options().Matches(Read(script)).Select(match => match.Groups["option"].Value).ToList();
        var powerShell = Comments().Replace(Read(script + ".ps1"), "");
        Assert.NotEmpty(options);
        Assert.All(options, option => Assert.Contains(option, powerShell, StringComparison.Ordinal));
    }

    [Fact]
    public void Quick_tests_leave_out_the_same_categories_in_both_shells()
    {
        var bash = BashCategories().Match(Read("test")).Groups["list"].Value.Split(' ');
        var powerShell = PowerShellCategories().Match(Read("test.ps1")).Groups["list"].Value.Replace("'", "");
        Assert.Contains("Cluster", bash);
        Assert.Equal(bash, powerShell.Split(", "));
    }

    [Fact]
    public void Quick_tests_leave_out_categories_that_exist()
    {
        var text = string.Concat(Repository.TestFiles.SelectMany(Repository.Lines));
        var categories = BashCategories().Match(Read("test")).Groups["list"].Value.Split(' ');
        Assert.All(categories, category => Assert.Contains($"Trait(\"Category\", \"{category}\")", text));
    }

    private static string Read(string script) => File.ReadAllText(Repository.PathOf(script)).ReplaceLineEndings("\n");

    [GeneratedRegex("^  (?<option>--[a-z-]+) ", RegexOptions.Multiline)]
    private static partial Regex Options();

    [GeneratedRegex("^ *#.*$", RegexOptions.Multiline)]
    private static partial Regex Comments();

    [GeneratedRegex("for category in (?<list>[A-Za-z. ]+);")]
    private static partial Regex BashCategories();

    [GeneratedRegex(@"foreach \(\$category in (?<list>[^)]+)\)")]
    private static partial Regex PowerShellCategories();
}
