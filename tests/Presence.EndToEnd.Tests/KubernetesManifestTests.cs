namespace Presence.EndToEnd.Tests;

public sealed class KubernetesManifestTests : IDisposable
{
    private static readonly string Manifests = Path.Combine(HostFiles.Root, "deploy", "k8s");

    private readonly DirectoryInfo _copy = Directory.CreateTempSubdirectory("presence-k8s-");

    public void Dispose() => _copy.Delete(recursive: true);

    [SkippableFact]
    public async Task Manifests_have_valid_fields_and_references()
    {
        var result = await NodeScripts.RunInDeployAsync("validate.mjs", Manifests);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.EndsWith("objects checked, 0 problems", result.Output.Trim(), StringComparison.Ordinal);
    }

    [SkippableTheory]
    [InlineData("terminationGracePeriodSeconds: 20", "terminationGracePeriodSecs: 20",
        "terminationGracePeriodSecs is no field")]
    [InlineData("failureThreshold: 60", "failureThreshold: many", "failureThreshold must be integer")]
    [InlineData("port: http\n", "port: htpt\n", "asks port htpt")]
    [InlineData("serviceAccountName: presence", "serviceAccountName: other", "there is no ServiceAccount other")]
    [InlineData("targetPort: http", "targetPort: 4001", "leads to port 4001")]
    [InlineData("key: connection-string", "kee: connection-string", "must have required property key")]
    [InlineData("enforce: restricted", "enforce: baseline", "does not enforce restricted pods")]
    [InlineData("runAsNonRoot: true", "runAsNonRoot: false", "may run as root")]
    [InlineData("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "may gain privileges")]
    [InlineData("drop: [ALL]", "drop: [CHOWN]", "keeps capabilities")]
    [InlineData("type: RuntimeDefault", "type: Unconfined", "has no seccomp profile")]
    [InlineData("verbs: [get, list, watch]", "verbs: [get, list, watch, patch]", "allows get,list,watch,patch of pods")]
    [InlineData("name: default-deny\nspec:\n  podSelector: {}\n  policyTypes: [Ingress, Egress]",
        "name: default-deny\nspec:\n  podSelector: {}\n  policyTypes: [Ingress]", "none denies everything by default")]
    [InlineData("      app: postgres\n  policyTypes", "      app: other\n  policyTypes",
        "StatefulSet postgres: no NetworkPolicy says who may connect")]
    [InlineData("        - port: silo\n", "        - port: sillo\n", "allows port sillo, which its pods do not have")]
    [InlineData("              value: postgres\n            - name: POSTGRES_PASSWORD\n              valueFrom:\n"
        + "                secretKeyRef:\n                  name: presence\n                  key: postgres-password",
        "              value: postgres\n            - name: POSTGRES_PASSWORD\n              value: guess",
        "POSTGRES_PASSWORD is 'guess' and not from a secret")]
    [InlineData("newTag: \"17\"", "newTag: latest", "image postgres: is not pinned")]
    [InlineData("newTag: \"17\"", "digest: sha256:17", "digest sha256:17 is not sha256: and 64 hexadecimal digits")]
    [InlineData("newTag: \"17\"", "newName: registry.example.org:5000/postgres:17",
        "newName registry.example.org:5000/postgres:17 has a tag or digest")]
    [InlineData("image: postgres:17", "image: other:17", "image other:17 of postgres is not in kustomization.yaml")]
    public async Task Invalid_manifests_are_rejected_with_the_place(string right, string wrong, string expected)
    {
        var result = await CheckAsync([(right, wrong)]);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(expected, result.Error, StringComparison.Ordinal);
    }

    /// <summary>The repository has no digests: images are built, and digests chosen, by who deploys.</summary>
    [SkippableFact]
    public async Task Pinned_form_is_accepted_once_every_image_has_its_digest()
    {
        var none = await CheckAsync([], "--pinned");
        Assert.Equal(1, none.ExitCode);
        Assert.Contains("image presence-silo: is not pinned to a digest", none.Error, StringComparison.Ordinal);
        Assert.Contains("image postgres: is not pinned to a digest", none.Error, StringComparison.Ordinal);

        var digest = "sha256:" + new string('a', 64);
        var all = await CheckAsync(
            [
                ("newTag: 0.1.0", $"newName: registry.example.org:5000/presence-silo\n    digest: {digest}"),
                ("newTag: \"17\"", $"digest: {digest}"),
            ],
            "--pinned");
        Assert.True(all.ExitCode == 0, all.Error);
    }

    private async Task<CommandResult> CheckAsync((string Right, string Wrong)[] changes, params string[] options)
    {
        foreach (var file in Directory.EnumerateFiles(Manifests))
        {
            var text = await File.ReadAllTextAsync(file);
            foreach (var (right, wrong) in changes)
            {
                text = text.Replace(right, wrong, StringComparison.Ordinal);
            }

            await File.WriteAllTextAsync(Path.Combine(_copy.FullName, Path.GetFileName(file)), text);
        }

        return await NodeScripts.RunInDeployAsync(["validate.mjs", _copy.FullName, .. options]);
    }
}
