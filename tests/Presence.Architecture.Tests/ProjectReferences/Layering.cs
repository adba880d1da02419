namespace Presence.Architecture.Tests.ProjectReferences;

/// <summary>The projects and the references allowed between them.</summary>
internal static class Layering
{
    /// <summary>Gets, per project, the projects it may reference; it may use what those reference.</summary>
    public static IReadOnlyDictionary<string, string[]> References { get; } = new Dictionary<string, string[]>
    {
        ["Presence.Crdt"] = [],
        ["Presence.Tracker"] = ["Presence.Crdt"],
        ["Presence.Node"] = ["Presence.Tracker"],
        ["Presence.Channels"] = ["Presence.Node"],
        ["Presence.AspNetCore"] = ["Presence.Node"],
        ["Presence.SignalR"] = ["Presence.Node"],
        ["Presence.Dashboard"] = ["Presence.Channels"],
        ["Presence.Postgres"] = ["Presence.Node"],
        ["Presence.OpenTelemetry"] = ["Presence.Node"],
        ["Presence.Client"] = [],
        ["Presence.TestKit"] = ["Presence.Channels", "Presence.Client"],
        ["Grains.Interfaces"] = ["Presence.Node"],
        ["Grains"] = ["Grains.Interfaces"],
        ["Silo"] =
            ["Presence.Dashboard", "Presence.OpenTelemetry", "Presence.Postgres", "Grains", "Shop", "Playground"],
        ["Client"] = ["Grains.Interfaces", "Presence.Client"],
        ["Samples.Web"] = ["Presence.Channels"],
        ["Shop"] = ["Presence.Dashboard", "Samples.Web"],
        ["Playground"] = ["Presence.Dashboard", "Samples.Web"],
        ["Chat"] = ["Samples.Web"],
        ["HelloPresence"] = ["Samples.Web", "Grains"],
        ["UniqueWorker"] = ["Grains"],
        ["AppHost"] = ["Silo"],
        ["Presence.Templates"] = [],
    };

    /// <summary>Gets, per project, the name prefixes of the packages it may reference, except analyzers.</summary>
    public static IReadOnlyDictionary<string, string[]> Packages { get; } = new Dictionary<string, string[]>
    {
        ["Presence.Crdt"] = [],
        ["Presence.Tracker"] = [],
        ["Presence.Node"] = ["Microsoft.Extensions."],
        ["Presence.Channels"] = [],
        ["Presence.AspNetCore"] = [],
        ["Presence.SignalR"] = [],
        ["Presence.Dashboard"] = [],
        ["Presence.Postgres"] = ["Npgsql"],
        ["Presence.OpenTelemetry"] = ["OpenTelemetry.Api"],
        ["Presence.Client"] = [],
        ["Presence.TestKit"] = ["Microsoft.Extensions."],
        ["Grains.Interfaces"] = ["Microsoft.Orleans."],
        ["Grains"] = ["Microsoft.Orleans."],
        ["Silo"] = ["Microsoft.Orleans.", "OpenTelemetry."],
        ["Client"] = ["Microsoft.Orleans.", "System.CommandLine"],
        ["Samples.Web"] = [],
        ["Shop"] = [],
        ["Playground"] = [],
        ["Chat"] = [],
        ["HelloPresence"] = ["Microsoft.Orleans."],
        ["UniqueWorker"] = ["Microsoft.Orleans."],
        ["AppHost"] = ["Aspire.", "Nerdbank.MessagePack", "Polly.Core"],
        ["Presence.Templates"] = [],
    };

    /// <summary>Gets the projects that are libraries.</summary>
    public static IReadOnlyList<string> Libraries { get; } =
    [
        "Presence.Crdt", "Presence.Tracker", "Presence.Node", "Presence.Channels", "Presence.Dashboard",
        "Presence.AspNetCore", "Presence.SignalR", "Presence.Postgres", "Presence.OpenTelemetry", "Presence.Client",
        "Presence.TestKit",
        "Grains.Interfaces", "Grains",
    ];

    /// <summary>Returns all direct and indirect references of a project.</summary>
    public static HashSet<string> Reachable(string project)
    {
        var reached = new HashSet<string>();
        var open = new Queue<string>(References[project]);
        while (open.TryDequeue(out var next))
        {
            if (reached.Add(next))
            {
                foreach (var further in References[next])
                {
                    open.Enqueue(further);
                }
            }
        }

        return reached;
    }

    /// <summary>Returns the assembly name of a project.</summary>
    public static string AssemblyName(string project) =>
        project == "Client" ? "Presence.CommandLine"
        : project is "Shop" or "Playground" or "Chat" or "HelloPresence" or "UniqueWorker" or "AppHost"
            ? $"Presence.Samples.{project}"
        : project.StartsWith("Presence.", StringComparison.Ordinal) ? project : $"Presence.{project}";

    public static Assembly Load(string project) => Assembly.Load(AssemblyName(project));
}
