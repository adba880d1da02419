using System.Text;
using Presence.Silo.Nodes;

namespace Presence.Silo;

/// <summary>The text after the start: addresses, sign-in, how other processes join.</summary>
internal static class StartupBanner
{
    public static string For(SiloRun run)
    {
        var text = new StringBuilder();
        var silos = run.Nodes.Count == 1 ? "1 silo" : $"{run.Nodes.Count} silos";
        text.AppendLine(null, $"Presence is up: {silos}, {run.Configuration.Environment}.");
        text.AppendLine();
        foreach (var node in run.Nodes)
        {
            var addresses = string.Join("  ", node.Addresses);
            var ports = $"(silo port {node.Endpoints.SiloPort}, gateway {node.Endpoints.GatewayPort})";
            text.AppendLine(null, $"  {node.Name,-12} {addresses}  {ports}");
        }

        text.AppendLine();
        var first = run.Nodes[0].Addresses[0];
        if (run.Options.Samples)
        {
            text.AppendLine(null, $"  Shop           {first}/");
        }

        if (run.Options.Samples && run.IsDevelopment)
        {
            text.AppendLine(null, $"  Who is online  {first}/tracked?user_id=ann");
            text.AppendLine(null, $"  Audience       {first}/audience?user_id=ann");
        }

        text.AppendLine(null, $"  Admin          {first}/admin  {SignIn(run)}");
        text.AppendLine(null, $"  Cluster        {Joining(run.Cluster)}");
        text.AppendLine(null, $"  Token keys     in {run.Keys.Where}");
        text.AppendLine();
        text.AppendLine("Ready. Ctrl-C stops it.");
        return text.ToString();
    }

    private static string Joining(SiloCluster cluster) => cluster switch
    {
        { Primary: null } => "in PostgreSQL: others join with the same ConnectionStrings:Presence",
        { HasPrimary: false, Primary: var primary } => $"joined through the primary silo at {primary}",
        { Primary: var primary } when primary.Equals(PrimarySilo.Default) =>
            "of this machine: others join with another port in --urls",
        { Primary: var primary } => $"of this process: others join with --Presence:Orleans:Primary {primary}",
    };

    private static string SignIn(SiloRun run) => run switch
    {
        { GeneratedPassword: { } password } =>
            $"user {run.Options.Admin.User}, password {password} (generated; set Presence:Admin:Password to choose)",
        { Options.Admin.Password.Length: > 0 } => $"user {run.Options.Admin.User}, password as configured",
        _ => "off: set Presence:Admin:Password to turn it on",
    };
}
