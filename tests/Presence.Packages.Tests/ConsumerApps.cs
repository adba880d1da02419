namespace Presence.Packages.Tests;

/// <summary>The programs of the first pages as projects of their own, which know only packages.</summary>
internal static class ConsumerApps
{
    private const string OrleansVersion = "10.4.2";

    /// <summary>Writes and builds the programs; the output of each is in its folder <c>out</c>.</summary>
    public static async Task BuildAsync(PackageFeed feed, int siloPort, int gatewayPort)
    {
        var silo = Example("An Orleans silo").Replace(
            "UseLocalhostClustering()", $"UseLocalhostClustering({siloPort}, {gatewayPort})", StringComparison.Ordinal);
        var client = Example("An Orleans client").Replace(
            "UseLocalhostClustering()", $"UseLocalhostClustering({gatewayPort})", StringComparison.Ordinal);
        Write(feed, "silo", "Microsoft.NET.Sdk", silo, "Presence.Orleans", "Microsoft.Orleans.Server");
        Write(feed, "client", "Microsoft.NET.Sdk", client, "Presence.Orleans.Client", "Microsoft.Orleans.Client");
        Write(feed, "web", "Microsoft.NET.Sdk.Web", Example("An ASP.NET Core application"), "Presence.Node");
        string[] all =
        [
            "Presence.AspNetCore", "Presence.Channels", "Presence.Dashboard", "Presence.OpenTelemetry",
            "Presence.Postgres", "Presence.TestKit",
        ];
        Write(feed, "browser", "Microsoft.NET.Sdk.Web", Example("A browser"), all);

        Write(feed, "phone", "Microsoft.NET.Sdk", Example("A .NET program on the socket"), "Presence.Client");

        Write(
            feed, "first-silo", "Microsoft.NET.Sdk.Web", Example("A silo", "README.md"),
            "Presence.Orleans", "Presence.Dashboard", "Microsoft.Orleans.Server");
        Write(
            feed, "first-client", "Microsoft.NET.Sdk", Example("An Orleans client", "README.md"),
            "Presence.Orleans.Client", "Microsoft.Orleans.Client");

        await BuildAsync(feed, "Apps", "silo", "client", "web", "browser", "phone", "first-silo", "first-client");
    }

    /// <summary>Writes and builds the hub of the first page; its ports come from the command line.</summary>
    public static Task BuildHubAsync(PackageFeed feed)
    {
        const string Primary = "new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, int.Parse(args[^1]))";
        var hub = Example("A SignalR hub").Replace(
            "UseLocalhostClustering()",
            $"UseLocalhostClustering(int.Parse(args[^3]), int.Parse(args[^2]), {Primary})",
            StringComparison.Ordinal);
        string[] packages = ["Presence.SignalR", "Presence.Orleans", "Microsoft.Orleans.Server"];
        Write(feed, "hub", "Microsoft.NET.Sdk.Web", hub, packages);
        return BuildAsync(feed, "Hub", "hub");
    }

    private static async Task BuildAsync(PackageFeed feed, string solution, params string[] names)
    {
        var projects = string.Concat(names.Select(name => $"""<Project Path="{name}/{name}.csproj" />"""));
        File.WriteAllText(Path.Combine(feed.Root, $"{solution}.slnx"), $"<Solution>{projects}</Solution>");
        UseFeed(feed);
        string[] build = ["build", $"{solution}.slnx", "-v", "quiet", "--nologo", "--disable-build-servers"];
        await PackageFeed.RunAsync("dotnet", build, feed.Root, PackageFolders(feed));
    }

    /// <summary>
    /// Adds the packages of this build to the sources of the user, from which the other packages come.
    /// </summary>
    public static void UseFeed(PackageFeed feed) => File.WriteAllText(
        Path.Combine(feed.Root, "nuget.config"),
        """<configuration><packageSources><add key="presence" value="feed" /></packageSources></configuration>""");

    /// <summary>Returns the environment of a build whose packages leave nothing in the user's folder.</summary>
    public static Dictionary<string, string> PackageFolders(PackageFeed feed)
    {
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ??
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        return new()
        {
            ["NUGET_PACKAGES"] = Path.Combine(feed.Root, "packages"),

            // The others are read from it.
            ["NUGET_FALLBACK_PACKAGES"] = Directory.Exists(packages) ? packages : "",
        };
    }

    /// <summary>Starts a program that has been built.</summary>
    public static OwnedProcess Start(PackageFeed feed, string name, Awaited<string> lines, params string[] arguments)
    {
        string[] command = [Path.Combine(feed.Root, name, "out", $"{name}.dll"), .. arguments];
        var start = new ProcessStartInfo("dotnet", command) { WorkingDirectory = Path.Combine(feed.Root, name) };
        return OwnedProcess.Start(start, lines.Add);
    }

    private static void Write(PackageFeed feed, string name, string sdk, string program, params string[] packages)
    {
        var folder = Directory.CreateDirectory(Path.Combine(feed.Root, name)).FullName;
        var references = string.Concat(packages.Select(package =>
        {
            var isOurs = package.StartsWith("Presence.", StringComparison.Ordinal);
            var version = isOurs ? PackageFeed.Version : OrleansVersion;
            return $"""<PackageReference Include="{package}" Version="{version}" />""";
        }));
        File.WriteAllText(Path.Combine(folder, "Program.cs"), program);
        File.WriteAllText(Path.Combine(folder, $"{name}.csproj"), $"""
            <Project Sdk="{sdk}">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <OutputPath>out</OutputPath>
                <AppendTargetFrameworkToOutputPath>false</AppendTargetFrameworkToOutputPath>
              </PropertyGroup>
              <ItemGroup>{references}</ItemGroup>
            </Project>
            """);
    }

    /// <summary>Returns the first C# example below a heading.</summary>
    private static string Example(string heading, string page = "docs/getting-started.md")
    {
        var text = File.ReadAllText(Path.Combine(HostFiles.Root, page));
        var section = text.Split($"\n## {heading}\n")[1].Split("\n## ")[0];
        return Regex.Match(section, "```csharp\n(?<code>.*?)\n```", RegexOptions.Singleline).Groups["code"].Value;
    }
}
