namespace Presence.EndToEnd.Tests;

/// <summary>Commands of the documents for operators, which are run as they stand there.</summary>
[Collection(nameof(ThreeSilos))]
[Trait("Category", "Cluster")]
public sealed class DocumentedCommandTests(ThreeSilos nodes)
{
    private const string Deployment = "deploy/README.md";

    [SkippableFact]
    public async Task Presences_are_read_with_curl()
    {
        using var http = nodes.Anybody();
        var read = await ShellExample.RunAsync(
            "docs/reference/http.md",
            "/api/presences",
            replaced:
            [
                ("http://127.0.0.1:4000", http.BaseAddress!.GetLeftPart(UriPartial.Authority)),
                ("admin:PASSWORD", $"'admin:{SiloProcess.Password}'"),
            ]);
        Assert.Contains("\"presences\":[", read, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Secrets_for_compose_are_all_that_its_file_needs()
    {
        var compose = Executable.Find("docker-compose");
        Requirement.Demand("compose", compose is null ? "docker-compose is not on the path." : null);
        Skip.If(Executable.Find("openssl") is null, "openssl is not on the path.");
        var copy = Directory.CreateTempSubdirectory("presence-secrets-");
        try
        {
            var folder = copy.CreateSubdirectory("deploy/compose").FullName;
            foreach (var file in Directory.EnumerateFiles(Path.Combine(HostFiles.Root, "deploy", "compose")))
            {
                File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
            }

            // Without a container engine the file is read, and nothing is started.
            var output = await ShellExample.RunAsync(
                Deployment,
                ">.env",
                copy.FullName,
                "docker() { [ \"$*\" = 'compose up --build' ] && docker-compose config --quiet && echo valid; }");
            Assert.Equal("valid", output.Trim());
            var secrets = File.ReadLines(Path.Combine(folder, ".env")).Select(line => line.Split('=')[1]);
            Assert.Equal(5, secrets.Distinct().Count());
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    [SkippableFact]
    public async Task Chart_takes_the_values_of_the_command_that_installs_it()
    {
        var found = await NodeScripts.RunInDeployAsync(
            "--input-type=module", "-e", "console.log((await import('./tools.mjs')).tool('helm') ?? '')");
        var helm = found.Output.Trim();
        Skip.If(found.ExitCode != 0 || helm.Length == 0, "helm is not available: " + found.Error.Trim());
        var digest = "sha256:" + new string('a', 64);

        // Without a cluster the chart is rendered with these values, which its schema checks.
        var rendered = await ShellExample.RunAsync(
            Deployment,
            "helm upgrade --install",
            instead: $"helm() {{ [ \"$1 $2\" = 'upgrade --install' ]; shift 2; '{helm}' template \"$@\"; }}\n"
                + "kubectl() { [ \"$1\" = label ]; }",
            replaced: ("sha256:...", digest));
        Assert.Contains($"registry.example.org/presence-silo@{digest}", rendered, StringComparison.Ordinal);
        Assert.Contains("presence.example.org", rendered, StringComparison.Ordinal);
    }
}
