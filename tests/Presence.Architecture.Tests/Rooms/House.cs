namespace Presence.Architecture.Tests.Rooms;

/// <summary>The rooms of the house and the arrows between them, as the design draws them.</summary>
internal static class House
{
    /// <summary>Project to the projects it may name. What those reach, it may use.</summary>
    public static IReadOnlyDictionary<string, string[]> Arrows { get; } = new Dictionary<string, string[]>
    {
        ["Presence.Crdt"] = [],
        ["Presence.Tracker"] = ["Presence.Crdt"],
        ["Presence.Node"] = ["Presence.Tracker"],
        ["Presence.Channels"] = ["Presence.Node"],
        ["Presence.Dashboard"] = ["Presence.Channels"],
        ["Presence.Postgres"] = ["Presence.Node"],
        ["Presence.Client"] = [],
        ["Presence.TestKit"] = ["Presence.Channels", "Presence.Client"],
        ["Grains.Interfaces"] = ["Presence.Node"],
        ["Grains"] = ["Grains.Interfaces"],
        ["Silo"] = ["Presence.Dashboard", "Presence.Postgres", "Grains"],
        ["Client"] = ["Grains.Interfaces", "Presence.Client"],
    };

    /// <summary>Project to the beginnings of the packages it may reference, analyzers aside.</summary>
    public static IReadOnlyDictionary<string, string[]> Packages { get; } = new Dictionary<string, string[]>
    {
        ["Presence.Crdt"] = [],
        ["Presence.Tracker"] = [],
        ["Presence.Node"] = ["Microsoft.Extensions."],
        ["Presence.Channels"] = [],
        ["Presence.Dashboard"] = [],
        ["Presence.Postgres"] = ["Npgsql"],
        ["Presence.Client"] = [],
        ["Presence.TestKit"] = [],
        ["Grains.Interfaces"] = ["Microsoft.Orleans."],
        ["Grains"] = ["Microsoft.Orleans."],
        ["Silo"] = ["Microsoft.Orleans."],
        ["Client"] = ["Microsoft.Orleans.", "System.CommandLine"],
    };

    /// <summary>Rooms whose assemblies are libraries that others build on.</summary>
    public static IReadOnlyList<string> Libraries { get; } =
    [
        "Presence.Crdt", "Presence.Tracker", "Presence.Node", "Presence.Channels", "Presence.Dashboard",
        "Presence.Postgres", "Presence.Client", "Presence.TestKit",
        "Grains.Interfaces", "Grains",
    ];

    /// <summary>Everything a room can reach along the arrows, itself excluded.</summary>
    public static HashSet<string> Reachable(string room)
    {
        var reached = new HashSet<string>();
        var open = new Queue<string>(Arrows[room]);
        while (open.TryDequeue(out var next))
        {
            if (reached.Add(next))
            {
                foreach (var further in Arrows[next])
                {
                    open.Enqueue(further);
                }
            }
        }

        return reached;
    }

    /// <summary>The assembly a project makes.</summary>
    public static string AssemblyName(string room) =>
        room == "Client" ? "Presence.CommandLine"
        : room.StartsWith("Presence.", StringComparison.Ordinal) ? room : $"Presence.{room}";

    public static Assembly Load(string room) => Assembly.Load(AssemblyName(room));
}
