using System.Text.RegularExpressions;

namespace Presence.EndToEnd.Tests;

/// <summary>The files in <c>deploy/compose</c>, with real silos and a real Caddy.</summary>
public sealed partial class ComposeTests
{
    private static readonly string Folder = Path.Combine(HostFiles.Root, "deploy", "compose");

    private static readonly Dictionary<string, string> Secrets = new[]
    {
        "POSTGRES_PASSWORD", "OWNER_PASSWORD", "NODE_PASSWORD", "ADMIN_PASSWORD", "CLUSTER_KEY",
    }.ToDictionary(name => name, name => $"made up {name}");

    [SkippableFact]
    public async Task File_is_valid_and_needs_every_secret()
    {
        var valid = await ComposeAsync(Folder, Secrets);
        Assert.True(valid.ExitCode == 0, valid.Error);
        foreach (var name in Secrets.Keys)
        {
            var without = new Dictionary<string, string>(Secrets) { [name] = "" };
            var refused = await ComposeAsync(Folder, without);
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("set it in .env", refused.Error, StringComparison.Ordinal);
        }
    }

    [SkippableTheory]
    [InlineData("read_only: true", "readonly: true")]
    [InlineData("condition: service_healthy", "condition: healthy")]
    [InlineData("depends_on: [silo-1, silo-2, silo-3]", "depends_on: [silo-4]")]
    public async Task Invalid_files_are_rejected(string right, string wrong)
    {
        var copy = Directory.CreateTempSubdirectory("presence-compose-");
        try
        {
            var text = await File.ReadAllTextAsync(Path.Combine(Folder, "compose.yaml"));
            Assert.Contains(right, text, StringComparison.Ordinal);
            await File.WriteAllTextAsync(
                Path.Combine(copy.FullName, "compose.yaml"), text.Replace(right, wrong, StringComparison.Ordinal));
            Assert.NotEqual(0, (await ComposeAsync(copy.FullName, Secrets)).ExitCode);
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    [Fact]
    public void Roles_are_those_of_the_manifests()
    {
        var manifest = Statements(File.ReadAllText(Path.Combine(HostFiles.Root, "deploy", "k8s", "postgres.yaml")));
        var script = Statements(File.ReadAllText(Path.Combine(Folder, "roles.sh")));
        Assert.True(script.Count > 10);
        Assert.Equal(manifest, script);

        static List<string> Statements(string text) =>
        [
            .. text.Split('\n').Select(line => line.Trim())
                .SkipWhile(line => !line.StartsWith("CREATE ROLE", StringComparison.Ordinal))
                .TakeWhile(line => line is not ("SQL" or "---")),
        ];
    }

    [SkippableFact]
    [Trait("Category", "Postgres")]
    public async Task Clients_behind_Caddy_resume_on_another_silo_when_theirs_stops()
    {
        NodeScripts.Require();
        var caddy = Executable.Find("caddy");
        Requirement.Demand("caddy", caddy is null ? "Caddy is not on the path." : null);
        var settings = new Dictionary<string, string> { ["Presence:Sessions:Grace"] = "20s" };
        await using var cluster = await NodeCluster.CreateAsync(settings);
        var nodes = await cluster.GrowToAsync(4);
        var quiet = nodes[3];
        var site = $"http://127.0.0.1:{FreePorts.Find()}";
        await using var proxy = RunCaddy(caddy!, site, nodes.Take(3).Select(node => node.Address.Authority));
        using var http = new HttpClient { BaseAddress = new Uri(site) };
        await TestTimeouts.UntilAsync("Caddy serves", TimeSpan.FromSeconds(30), async () =>
        {
            try
            {
                return (await http.GetAsync("/token?user_id=ann")).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        foreach (var internalPath in new[] { "/metrics", "/health", "/health/ready" })
        {
            using var response = await http.GetAsync(internalPath);
            Assert.Equal((internalPath, HttpStatusCode.NotFound), (internalPath, response.StatusCode));
        }

        Assert.True(await IsHealthyAsync(quiet.Address.Port));
        RoomClient? finished = null;
        string[] arguments = [site, quiet.Address.GetLeftPart(UriPartial.Authority), "30", "3"];
        await NodeScripts.RunAsync("sessions.mjs", arguments, async () =>
        {
            // Clients of one address are on one silo.
            var owner = await OwnerAsync(quiet, "room:s0");
            await nodes.Single(node => node.Name == owner).TerminateAsync();
            finished = await RoomClient.JoinAsync(quiet, "room:done", "done", cluster.History);
        });
        await finished!.DisposeAsync();
        Assert.False(await IsHealthyAsync(nodes.First(node => node.HasEnded).Address.Port));
    }

    /// <summary>Returns the node, other than the one asked, that owns the presences of a topic.</summary>
    private static async Task<string> OwnerAsync(NodeProcess asked, string topic)
    {
        using var answer = JsonDocument.Parse(await asked.ReadAsync($"api/presences?topic={topic}&limit=100"));
        return answer.RootElement.GetProperty("presences").EnumerateArray()
            .SelectMany(key => key.GetProperty("nodes").EnumerateArray())
            .Select(node => node.GetString()!)
            .Where(node => node != asked.Name)
            .Distinct()
            .Single();
    }

    /// <summary>Runs the health check of the file's silos.</summary>
    private static async Task<bool> IsHealthyAsync(int port)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Folder, "compose.yaml"));
        var command = HealthCheck().Match(text).Groups["command"].Value
            .Replace("127.0.0.1/4000", $"127.0.0.1/{port}", StringComparison.Ordinal)
            .Replace("Host: silo-1", "Host: localhost", StringComparison.Ordinal)
            .Replace("$$", "$", StringComparison.Ordinal)
            .ReplaceLineEndings(" ");
        return (await Command.RunAsync("bash", ["-c", command], within: TimeSpan.FromSeconds(30))).ExitCode == 0;
    }

    [GeneratedRegex(@"- -c\n\s+- >-\n(?<command>.*?)\n\s+interval:", RegexOptions.Singleline)]
    private static partial Regex HealthCheck();

    private static OwnedProcess RunCaddy(string caddy, string site, IEnumerable<string> silos)
    {
        var home = Directory.CreateTempSubdirectory("presence-caddy-").FullName;
        string[] arguments = ["run", "--adapter", "caddyfile", "--config", Path.Combine(Folder, "Caddyfile")];
        return OwnedProcess.Start(new ProcessStartInfo(caddy, arguments)
        {
            Environment =
            {
                ["PRESENCE_SITE"] = site,
                ["PRESENCE_SILOS"] = string.Join(' ', silos),
                ["CADDY_ADMIN"] = $"unix/{home}/admin.sock",
                ["XDG_DATA_HOME"] = home,
                ["XDG_CONFIG_HOME"] = home,
            },
        });
    }

    private static async Task<CommandResult> ComposeAsync(string folder, Dictionary<string, string> variables)
    {
        var compose = Executable.Find("docker-compose");
        Requirement.Demand("compose", compose is null ? "docker-compose is not on the path." : null);
        return await Command.RunAsync(
            compose!, ["config", "--quiet"], folder, TimeSpan.FromSeconds(60), variables);
    }
}
