using System.Text.RegularExpressions;

namespace Presence.EndToEnd.Tests;

public sealed partial class PublishTests
{
    [Theory]
    [InlineData("_IsPublishing", 1)]
    [InlineData("_IsPacking", 1)]
    [InlineData("_IsBuilding", 0)]
    public async Task Publish_without_the_pages_fails_and_a_build_does_not(string step, int status)
    {
        // A folder without a package: npm fails there as it does where it is missing.
        var folder = Directory.CreateTempSubdirectory("presence-pages-");
        try
        {
            var pages = folder.FullName + Path.DirectorySeparatorChar;
            var result = await Command.RunAsync(
                "dotnet",
                ["msbuild", "src/Presence.Dashboard", "-t:BuildPages", "-nologo", $"-p:{step}=true",
                    $"-p:WebFolder={pages}", $"-p:PagesFolder={pages}"],
                HostFiles.Root,
                TimeSpan.FromSeconds(120));
            Assert.True(result.ExitCode == status, result.Output + result.Error);
            Assert.Contains("were not built", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [SkippableFact]
    [Trait("Category", "Cluster")]
    public async Task Published_host_runs_as_an_ordinary_user_on_a_read_only_file_system()
    {
        Requirement.Demand(
            "namespaces",
            Environment.UserName == "root" && Executable.Find("unshare") is not null
                && Executable.Find("setpriv") is not null
                ? null
                : "Mounts of its own need root, unshare and setpriv.");
        var published = Directory.CreateTempSubdirectory("presence-published-");
        if (!OperatingSystem.IsWindows())
        {
            published.UnixFileMode |= UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        }

        try
        {
            var result = await Command.RunAsync(
                "dotnet",
                ["publish", "Silo/Silo.csproj", "-c", "Release", "--no-build", "--nologo", "-v", "quiet",
                    "-o", published.FullName],
                HostFiles.Root,
                TimeSpan.FromSeconds(180));
            Assert.True(result.ExitCode == 0, result.Output + result.Error);
            await using var silo = await SiloProcess.StartAsync(AsInAnImage(published.FullName));
            Assert.Contains("1 silo, Production", silo.Output, StringComparison.Ordinal);
            using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
            foreach (var path in new[] { "/health/ready", "/admin", "/" })
            {
                using var response = await http.GetAsync(path);
                Assert.Equal((path, HttpStatusCode.OK), (path, response.StatusCode));
                var page = await response.Content.ReadAsStringAsync();
                foreach (var script in Scripts().Matches(page).Select(match => match.Groups["path"].Value))
                {
                    using var loaded = await http.GetAsync(script);
                    Assert.Equal((script, HttpStatusCode.OK), (script, loaded.StatusCode));
                }
            }

            await silo.TerminateAsync();
            Assert.Equal(0, silo.ExitCode);
        }
        finally
        {
            published.Delete(recursive: true);
        }
    }

    /// <summary>Returns what starts the host as nobody, where only an empty /tmp can be written.</summary>
    private static ProcessStartInfo AsInAnImage(string published)
    {
        const string Script = """
            set -e
            mount --make-rprivate /
            mount --bind "$0" /mnt
            mount -o remount,bind,ro /mnt
            mount -o remount,bind,ro /
            mount -t tmpfs tmpfs /tmp
            cd /mnt
            exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all \
              dotnet Presence.Silo.dll --urls http://127.0.0.1:0 --Presence:Samples true
            """;
        return new ProcessStartInfo("unshare", ["--mount", "sh", "-c", Script, published])
        {
            Environment =
            {
                ["ASPNETCORE_ENVIRONMENT"] = "Production",
                ["Presence__Admin__Password"] = SiloProcess.Password,
                ["HOME"] = "/nonexistent",
            },
        };
    }

    [GeneratedRegex("<script[^>]+src=\"(?<path>[^\"]+)\"")]
    private static partial Regex Scripts();
}
