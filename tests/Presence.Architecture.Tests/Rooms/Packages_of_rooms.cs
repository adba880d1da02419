namespace Presence.Architecture.Tests.Rooms;

public sealed class Packages_of_rooms
{
    private static readonly string[] ContractsOnly =
        [".Abstractions", "Microsoft.Extensions.Options", "Microsoft.Extensions.Options.ConfigurationExtensions"];

    public static TheoryData<string> Rooms => [.. House.Packages.Keys];

    public static TheoryData<string> PureRooms => ["Presence.Crdt", "Presence.Tracker"];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_project_references_only_the_packages_it_may(string room)
    {
        var packages = Repository.Projects[room].Descendants("PackageReference")
            .Where(p => !Arrows_between_rooms.IsAnalyzer(p))
            .Select(p => p.Attribute("Include")!.Value);
        Assert.All(packages, package => Assert.True(
            House.Packages[room].Any(allowed => package.StartsWith(allowed, StringComparison.Ordinal)),
            $"{room} must not reference {package}."));
    }

    [Fact]
    public void The_node_takes_contracts_from_the_shared_framework_and_no_implementation()
    {
        var packages = Arrows_between_rooms.References("Presence.Node", "PackageReference");
        Assert.All(
            packages,
            package => Assert.Contains(ContractsOnly, allowed => package.EndsWith(allowed, StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(PureRooms))]
    public void A_pure_room_uses_nothing_but_the_base_class_library(string room)
    {
        var foreign = House.Load(room).GetReferencedAssemblies()
            .Select(a => a.Name!)
            .Where(a => !a.StartsWith("System.", StringComparison.Ordinal) && !House.Reachable(room).Contains(a));
        Assert.Empty(foreign);
    }

    [Theory]
    [MemberData(nameof(PureRooms))]
    public void A_pure_room_is_held_to_the_list_of_banned_calls(string room)
    {
        Assert.Contains(
            "Microsoft.CodeAnalysis.BannedApiAnalyzers",
            Arrows_between_rooms.References(room, "PackageReference"));
        Assert.Contains(
            Arrows_between_rooms.References(room, "AdditionalFiles"),
            file => file.EndsWith("BannedSymbols.txt", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Presence.Node")]
    [InlineData("Presence.Postgres")]
    public void A_room_below_the_web_knows_neither_asp_net_nor_orleans(string room)
    {
        var assemblies = House.Load(room).GetReferencedAssemblies().Select(a => a.Name!);
        Assert.DoesNotContain(assemblies, a => a.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
        Assert.DoesNotContain(assemblies, a => a.StartsWith("Orleans", StringComparison.Ordinal));
        Assert.Empty(Arrows_between_rooms.References(room, "FrameworkReference"));
    }

    [Fact]
    public void The_test_kit_needs_the_web_for_its_channel_client_and_no_orleans()
    {
        // Decided 2026-11-21: see the README of Presence.TestKit.
        var assemblies = House.Load("Presence.TestKit").GetReferencedAssemblies().Select(a => a.Name!);
        Assert.DoesNotContain(assemblies, a => a.StartsWith("Orleans", StringComparison.Ordinal));
    }

    [Fact]
    public void Versions_of_packages_stand_in_one_place()
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
    public void The_readme_says_of_every_package_why_it_was_chosen()
    {
        var dependencies = File.ReadAllText(Repository.PathOf("README.md")).Split("## Dependencies")[1].Split("\n## ")[0];
        var unexplained = Repository.Projects.Values
            .SelectMany(project => project.Descendants("PackageReference"))
            .Select(package => package.Attribute("Include")!.Value)
            .Distinct()
            .Where(package => !IsNamed(package, dependencies));
        Findings.MustBeNone(unexplained, "Give each package a line under Dependencies in README.md.");
    }

    [Fact]
    public void Every_project_is_part_of_the_solution()
    {
        var solution = File.ReadAllText(Repository.PathOf("Presence.sln"));
        Findings.MustBeNone(
            Repository.Projects.Keys.Where(name => !solution.Contains($"\\{name}.csproj\"", StringComparison.Ordinal)),
            "What is not in Presence.sln is neither built nor tested.");
    }

    /// <summary>By its whole name, or by the end of it in a list that begins with the whole name of a relative.</summary>
    private static bool IsNamed(string package, string text)
    {
        var parts = package.Split('.');
        return Enumerable.Range(0, parts.Length)
            .Select(skipped => (skipped > 0 ? "." : "") + string.Join('.', parts.Skip(skipped)))
            .Where(ending => ending == package || package.StartsWith("Microsoft.", StringComparison.Ordinal))
            .Any(name => Regex.IsMatch(text, $@"(?<=^|[\s|,]){Regex.Escape(name)}(?=$|[\s|,])"));
    }
}
