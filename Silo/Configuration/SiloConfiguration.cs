namespace Presence.Silo;

/// <summary>Where settings come from: appsettings.json, then the environment, then the command line; the last one wins.</summary>
/// <param name="Settings">All of them, in one view.</param>
/// <param name="Environment"><c>Development</c>, <c>Production</c> or another name.</param>
/// <param name="ContentRoot">The folder that holds appsettings.json and wwwroot.</param>
internal sealed record SiloConfiguration(IConfiguration Settings, string Environment, string ContentRoot)
{
    /// <exception cref="SiloStartException">A settings file cannot be read.</exception>
    public static SiloConfiguration Load(SiloArguments arguments)
    {
        var environment = Host(arguments, "environment") ?? Environments.Production;
        var root = Path.GetFullPath(Host(arguments, "contentRoot") ?? FindContentRoot());
        if (!Directory.Exists(root))
        {
            throw new SiloStartException($"contentRoot is '{root}': it must be an existing folder.");
        }

        try
        {
            var settings = new ConfigurationBuilder()
                .SetBasePath(root)
                .AddJsonFile("appsettings.json", optional: true, reloadOnChange: false)
                .AddJsonFile($"appsettings.{environment}.json", optional: true, reloadOnChange: false)
                .AddEnvironmentVariables("ASPNETCORE_")
                .AddEnvironmentVariables()
                .AddInMemoryCollection(arguments.Settings)
                .Build();
            return new SiloConfiguration(settings, environment, root);
        }
        catch (InvalidDataException e)
        {
            throw new SiloStartException($"{e.Message} {e.InnerException?.Message}".ReplaceLineEndings(" ").Trim());
        }
    }

    private static string? Host(SiloArguments arguments, string key) =>
        arguments.Settings.GetValueOrDefault(key)
        ?? System.Environment.GetEnvironmentVariable($"ASPNETCORE_{key.ToUpperInvariant()}")
        ?? System.Environment.GetEnvironmentVariable($"DOTNET_{key.ToUpperInvariant()}");

    // Published, the host stands beside its wwwroot; from a checkout it is started from the root or from its own folder.
    private static string FindContentRoot()
    {
        var here = Directory.GetCurrentDirectory();
        return new[] { AppContext.BaseDirectory, here, Path.Combine(here, "Silo") }
            .FirstOrDefault(folder => Directory.Exists(Path.Combine(folder, "wwwroot", "assets")))
            ?? AppContext.BaseDirectory;
    }
}
