using System.Xml.Linq;

namespace Presence.Architecture.Tests.Rooms;

public sealed class Arrows_between_rooms
{
    private static readonly string[] NoRooms = [.. Repository.Projects.Keys.Where(p => !House.Arrows.ContainsKey(p))];

    public static TheoryData<string> Rooms => [.. House.Arrows.Keys];

    public static TheoryData<string> Libraries => [.. House.Libraries];

    [Fact]
    public void Every_project_outside_tests_is_a_room_of_the_house()
    {
        Assert.All(House.Arrows.Keys, room => Assert.Contains(room, Repository.Projects.Keys));
        Assert.All(
            NoRooms,
            project => Assert.True(
                project.EndsWith(".Tests", StringComparison.Ordinal) || project is "Presence.Benchmarks" or "Presence.Harness" or "Presence.UniqueMember",
                $"{project} is not in the table of rooms; add it to House.cs with its arrows."));
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_project_names_only_the_rooms_it_may(string room)
    {
        var named = References(room, "ProjectReference")
            .Select(path => Path.GetFileNameWithoutExtension(path.Replace('\\', '/')));
        Assert.Empty(named.Except(House.Arrows[room]));
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void An_assembly_uses_only_rooms_it_can_reach(string room)
    {
        var ours = House.Arrows.Keys.ToDictionary(House.AssemblyName);
        var used = House.Load(room).GetReferencedAssemblies()
            .Select(assembly => assembly.Name!)
            .Where(ours.ContainsKey)
            .Select(name => ours[name]);
        Assert.Empty(used.Except(House.Reachable(room)));
    }

    [Fact]
    public void No_arrow_points_back() =>
        Assert.All(House.Arrows.Keys, room => Assert.DoesNotContain(room, House.Reachable(room)));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Only_projects_above_and_tests_see_internals(string room)
    {
        var friends = References(room, "InternalsVisibleTo");
        Assert.All(friends, friend => Assert.True(
            friend.EndsWith(".Tests", StringComparison.Ordinal) ||
            friend is "Presence.Benchmarks" or "Presence.TestKit" or "Presence.Harness" or "Presence.UniqueMember" ||
            House.Arrows.Keys.Any(above => House.AssemblyName(above) == friend && House.Reachable(above).Contains(room)),
            $"{room} opens its inside to {friend}."));
    }

    internal static IEnumerable<string> References(string room, string element) => Repository.Projects[room]
        .Descendants(element)
        .Select(e => e.Attribute("Include")?.Value)
        .OfType<string>();

    internal static bool IsAnalyzer(XElement package) =>
        string.Equals(package.Attribute("PrivateAssets")?.Value, "all", StringComparison.OrdinalIgnoreCase);
}
