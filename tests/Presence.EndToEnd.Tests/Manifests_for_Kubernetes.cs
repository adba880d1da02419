namespace Presence.EndToEnd.Tests;

public sealed class Manifests_for_Kubernetes : IDisposable
{
    private static readonly string Manifests = Path.Combine(HostFiles.Root, "deploy", "k8s");

    private readonly DirectoryInfo _copy = Directory.CreateTempSubdirectory("presence-k8s-");

    public void Dispose() => _copy.Delete(recursive: true);

    [SkippableFact]
    public async Task Name_fields_that_Kubernetes_knows_and_things_that_are_there()
    {
        var result = await NodeScripts.CheckManifestsAsync(Manifests);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.EndsWith("objects checked, 0 problems", result.Output.Trim(), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("terminationGracePeriodSeconds: 20", "terminationGracePeriodSecs: 20", "terminationGracePeriodSecs is no field")]
    [InlineData("failureThreshold: 60", "failureThreshold: many", "failureThreshold must be integer")]
    [InlineData("port: http\n", "port: htpt\n", "asks port htpt")]
    [InlineData("serviceAccountName: presence", "serviceAccountName: other", "there is no ServiceAccount other")]
    [InlineData("targetPort: http", "targetPort: 4001", "leads to port 4001")]
    [InlineData("key: connection-string", "kee: connection-string", "must have required property key")]
    public async Task Are_refused_with_the_place_where_they_are_wrong(string right, string wrong, string says)
    {
        foreach (var file in Directory.EnumerateFiles(Manifests))
        {
            var text = await File.ReadAllTextAsync(file);
            await File.WriteAllTextAsync(
                Path.Combine(_copy.FullName, Path.GetFileName(file)), text.Replace(right, wrong, StringComparison.Ordinal));
        }

        var result = await NodeScripts.CheckManifestsAsync(_copy.FullName);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(says, result.Error, StringComparison.Ordinal);
    }
}
