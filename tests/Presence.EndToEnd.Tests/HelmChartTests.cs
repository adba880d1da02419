namespace Presence.EndToEnd.Tests;

/// <summary>Helm itself lints and renders the chart; what it renders is checked as the manifests are.</summary>
public sealed class HelmChartTests : IDisposable
{
    private static readonly string Chart = Path.Combine(HostFiles.Root, "deploy", "helm", "presence");

    private readonly DirectoryInfo _copy = Directory.CreateTempSubdirectory("presence-chart-");

    public void Dispose() => _copy.Delete(recursive: true);

    [SkippableFact]
    public async Task Chart_renders_the_objects_of_the_manifests()
    {
        var result = await CheckAsync(Chart);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Contains("12 objects checked, 0 problems", result.Output, StringComparison.Ordinal);
        Assert.EndsWith("12 objects as in deploy/k8s", result.Output.Trim(), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("postgres.enabled=false", 8)]
    [InlineData("replicas=5,settings.Presence__Metrics=yes,clusterId=c1,trustedProxies=", 12)]
    [InlineData("postgres.storageClass=fast,imagePullSecrets[0].name=registry,egress[0].ports[0].port=5432", 12)]
    public async Task Values_that_an_operator_sets_give_valid_objects(string values, int objects)
    {
        var result = await CheckAsync(Chart, "--set", values);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal($"{objects} objects checked, 0 problems", result.Output.Trim());
    }

    [SkippableTheory]
    [InlineData("replicas=0", "'/replicas': minimum")]
    [InlineData("nodes=3", "additional properties 'nodes' not allowed")]
    [InlineData("image.tag=latest", "'/image/tag'")]
    [InlineData("image.digest=sha256:17", "'/image/digest'")]
    [InlineData("postgres.image.repository=postgres:17", "'/postgres/image/repository'")]
    [InlineData("settings.Presence__Metrics=true", "'/settings/Presence__Metrics'")]
    public async Task Malformed_values_are_rejected_with_their_place(string values, string expected)
    {
        var result = await CheckAsync(Chart, "--set", values);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("failureThreshold: 60", "failureThreshold: 61", "Deployment presence differs")]
    [InlineData("targetPort: http", "targetPort: 4001", "leads to port 4001")]
    [InlineData("    namespace: {{ .Release.Namespace }}\n", "", "ServiceAccount presence has no namespace")]
    [InlineData("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: maybe", "must be boolean")]
    [InlineData("include \"presence.image\"", "include \"presence.picture\"", "presence.picture")]
    public async Task Invalid_templates_are_rejected(string right, string wrong, string expected)
    {
        var found = false;
        foreach (var file in Directory.EnumerateFiles(Chart, "*", SearchOption.AllDirectories))
        {
            var text = await File.ReadAllTextAsync(file);
            found |= text.Contains(right, StringComparison.Ordinal);
            var copy = Path.Combine(_copy.FullName, Path.GetRelativePath(Chart, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            await File.WriteAllTextAsync(copy, text.Replace(right, wrong, StringComparison.Ordinal));
        }

        Assert.True(found, $"'{right}' is in no template.");
        var result = await CheckAsync(_copy.FullName);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Pinned_form_needs_a_digest_of_every_image()
    {
        var none = await CheckAsync(Chart, "--pinned");
        Assert.Equal(1, none.ExitCode);
        Assert.Contains("image postgres:17 of postgres is not pinned", none.Error, StringComparison.Ordinal);
        var digest = "sha256:" + new string('a', 64);
        var all = await CheckAsync(
            Chart, "--pinned", "--set", $"image.digest={digest},postgres.image.digest={digest},"
                + "image.repository=registry.example.org:5000/presence-silo");
        Assert.True(all.ExitCode == 0, all.Error);
    }

    private static async Task<CommandResult> CheckAsync(string chart, params string[] options)
    {
        var result = await NodeScripts.RunInDeployAsync(["validate-chart.mjs", chart, .. options]);
        Skip.If(result.ExitCode == 2, "helm and kubectl are not available: " + result.Error.Trim());
        return result;
    }
}
