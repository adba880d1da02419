using System.Xml.Linq;

namespace Presence.Architecture.Tests.ProjectReferences;

public sealed class ProjectReferenceTests
{
    private static readonly string[] Unlisted =
        [.. Repository.Projects.Keys.Where(p => !Layering.References.ContainsKey(p))];

    public static TheoryData<string> Projects => [.. Layering.References.Keys];

    public static TheoryData<string> Libraries => [.. Layering.Libraries];

    [Fact]
    public void Layering_lists_every_project_outside_tests()
    {
        Assert.All(Layering.References.Keys, project => Assert.Contains(project, Repository.Projects.Keys));
        Assert.All(
            Unlisted,
            project => Assert.True(
                project.EndsWith(".Tests", StringComparison.Ordinal)
                    || project is "Presence.Benchmarks" or "Presence.Harness" or "Presence.UniqueNode",
                $"Add {project} to Layering.References, with the projects it may reference."));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void Project_references_only_allowed_projects(string project)
    {
        var named = References(project, "ProjectReference")
            .Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')));
        Assert.Empty(named.Except(Layering.References[project]));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Assembly_uses_only_reachable_projects(string project)
    {
        var ours = Layering.References.Keys.ToDictionary(Layering.AssemblyName);
        var used = Layering.Load(project).GetReferencedAssemblies()
            .Select(assembly => assembly.Name!)
            .Where(ours.ContainsKey)
            .Select(name => ours[name]);
        Assert.Empty(used.Except(Layering.Reachable(project)));
    }

    [Fact]
    public void References_have_no_cycles() =>
        Assert.All(Layering.References.Keys, project => Assert.DoesNotContain(project, Layering.Reachable(project)));

    [Theory]
    [MemberData(nameof(Projects))]
    public void Internals_are_visible_only_to_projects_above_and_tests(string project)
    {
        var friends = References(project, "InternalsVisibleTo");
        Assert.All(friends, friend => Assert.True(
            friend.EndsWith(".Tests", StringComparison.Ordinal) ||
            friend is "Presence.Benchmarks" or "Presence.TestKit" or "Presence.Harness" or "Presence.UniqueNode" ||
            Layering.References.Keys.Any(
                above => Layering.AssemblyName(above) == friend && Layering.Reachable(above).Contains(project)),
            $"{project} exposes its internals to {friend}."));
    }

    internal static IEnumerable<string> References(string project, string element) => Repository.Projects[project]
        .Descendants(element)
        .Select(e => e.Attribute("Include")?.Value)
        .OfType<string>();

    internal static bool IsAnalyzer(XElement package) =>
        string.Equals(package.Attribute("PrivateAssets")?.Value, "all", StringComparison.OrdinalIgnoreCase);
}
