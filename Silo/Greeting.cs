using System.Text;

namespace Presence.Silo;

/// <summary>What the person who started the host reads: where to go, how to sign in, how others join.</summary>
internal static class Greeting
{
    public static string For(SiloRun run)
    {
        var text = new StringBuilder();
        text.AppendLine(null, $"Presence is up: {(run.Members.Count == 1 ? "1 silo" : $"{run.Members.Count} silos")}, {run.Configuration.Environment}.");
        text.AppendLine();
        foreach (var member in run.Members)
        {
            text.AppendLine(
                null,
                $"  {member.Name,-12} {string.Join("  ", member.Addresses)}  (silo port {member.Place.SiloPort}, gateway {member.Place.GatewayPort})");
        }

        text.AppendLine();
        var first = run.Members[0].Addresses[0];
        if (run.IsDevelopment)
        {
            text.AppendLine(null, $"  Who is online  {first}/tracked?user_id=ann");
        }

        text.AppendLine(null, $"  Shop           {first}/");
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
        { GeneratedPassword: { } made } =>
            $"user {run.Options.Admin.User}, password {made} (made up for this run; set Presence:Admin:Password to choose)",
        { Options.Admin.Password.Length: > 0 } => $"user {run.Options.Admin.User}, password as configured",
        _ => "off: set Presence:Admin:Password to turn it on",
    };
}
