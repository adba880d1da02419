namespace Presence.Architecture.Tests.ProjectReferences;

public sealed class PackageReferenceTests
{
    private static readonly string[] ContractsOnly =
    [
        ".Abstractions", "Microsoft.Extensions.Diagnostics.HealthChecks",
        "Microsoft.Extensions.Options", "Microsoft.Extensions.Options.ConfigurationExtensions",
    ];

    public static TheoryData<string> Projects => [.. Layering.Packages.Keys];

    public static TheoryData<string> PureProjects => ["Presence.Crdt", "Presence.Tracker"];

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_references_only_allowed_packages(string project)
    {
        var packages = Repository.Projects[project].Descendants("PackageReference")
            .Where(p => !ProjectReferenceTests.IsAnalyzer(p))
            .Select(p => p.Attribute("Include")!.Value);
        Assert.All(packages, package => Assert.True(
            Layering.Packages[project].Any(allowed => package.StartsWith(allowed, StringComparison.Ordinal)),
            $"{project} must not reference {package}."));
    }

    [Fact]
    public void Node_references_only_abstractions_of_the_shared_framework()
    {
        var packages = ProjectReferenceTests.References("Presence.Node", "PackageReference");
        Assert.All(
            packages,
            package => Assert.Contains(ContractsOnly, allowed => package.EndsWith(allowed, StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(PureProjects))]
    public void Pure_project_uses_only_the_base_class_library(string project)
    {
        var foreign = Layering.Load(project).GetReferencedAssemblies()
            .Select(a => a.Name!)
            .Where(a => !a.StartsWith("System.", StringComparison.Ordinal) && !Layering.Reachable(project).Contains(a));
        Assert.Empty(foreign);
    }

    [Theory]
    [MemberData(nameof(PureProjects))]
    public void Pure_project_uses_the_list_of_banned_symbols(string project)
    {
        Assert.Contains(
            "Microsoft.CodeAnalysis.BannedApiAnalyzers",
            ProjectReferenceTests.References(project, "PackageReference"));
        Assert.Contains(
            ProjectReferenceTests.References(project, "AdditionalFiles"),
            file => file.EndsWith("BannedSymbols.txt", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Presence.Node")]
    [InlineData("Presence.Postgres")]
    public void Project_below_the_web_references_neither_ASP_NET_nor_Orleans(string project)
    {
        var assemblies = Layering.Load(project).GetReferencedAssemblies().Select(a => a.Name!);
        Assert.DoesNotContain(assemblies, a => a.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
        Assert.DoesNotContain(assemblies, a => a.StartsWith("Orleans", StringComparison.Ordinal));
        Assert.Empty(ProjectReferenceTests.References(project, "FrameworkReference"));
    }

    [Fact]
    public void Test_kit_does_not_reference_Orleans()
    {
        // See docs/decisions/0037-one-test-kit-for-clusters-and-channels.md.
        var assemblies = Layering.Load("Presence.TestKit").GetReferencedAssemblies().Select(a => a.Name!);
        Assert.DoesNotContain(assemblies, a => a.StartsWith("Orleans", StringComparison.Ordinal));
    }

    [Fact]
    public void Package_versions_are_central()
    {
        foreach (var (name, project) in Repository.Projects)
        {
            Assert.All(project.Descendants("PackageReference"), package =>
            {
                Assert.True(package.Attribute("Version") is null, $"{name}: {package}");
                Assert.True(package.Attribute("VersionOverride") is null, $"{name}: {package}");
            });
        }
    }

    [Fact]
    public void Every_package_has_a_row_under_Dependencies()
    {
        var contributing = File.ReadAllText(Repository.PathOf("CONTRIBUTING.md"));
        var dependencies = contributing.Split("## Dependencies")[1].Split("\n## ")[0];
        var unexplained = Repository.Projects.Values
            .SelectMany(project => project.Descendants("PackageReference"))
            .Select(package => package.Attribute("Include")!.Value)
            .Distinct()
            .Where(package => !IsNamed(package, dependencies));
        Findings.MustBeNone(unexplained, "Give each package a row under Dependencies in CONTRIBUTING.md.");
    }

    [Fact]
    public void Solution_contains_every_project()
    {
        var solution = File.ReadAllText(Repository.PathOf("Presence.sln"));
        // AppHostTests builds the AppHost, whose packages are large.
        Findings.MustBeNone(
            Repository.Projects.Keys.Except(["AppHost"])
                .Where(name => !solution.Contains($"\\{name}.csproj\"", StringComparison.Ordinal)),
            "What is not in Presence.sln is neither built nor tested.");
    }

    /// <summary>True for its full name, or for its last parts after the full name of a sibling.</summary>
    private static bool IsNamed(string package, string text)
    {
        var parts = package.Split('.');
        return Enumerable.Range(0, parts.Length)
            .Select(skipped => (skipped > 0 ? "." : "") + string.Join('.', parts.Skip(skipped)))
            .Where(ending => ending == package || package.StartsWith("Microsoft.", StringComparison.Ordinal))
            .Any(name => Regex.IsMatch(text, $@"(?<=^|[\s|,]){Regex.Escape(name)}(?=$|[\s|,])"));
    }
}
