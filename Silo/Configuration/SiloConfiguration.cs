using System.Text.Json;

namespace Presence.Silo.Configuration;

/// <summary>Settings of appsettings.json, the environment and the command line; the last one wins.</summary>

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

        string[] files = ["appsettings.json", $"appsettings.{environment}.json"];
        // It would be ignored like a file that does not exist.
        if (files.Select(file => Path.Combine(root, file)).FirstOrDefault(Directory.Exists) is { } folder)
        {
            throw new SiloStartException($"'{folder}' is a folder: it must be a file, or be left out.");
        }

        try
        {
            var settings = new ConfigurationBuilder()
                .SetBasePath(root)
                .AddJsonFile(files[0], optional: true, reloadOnChange: false)
                .AddJsonFile(files[1], optional: true, reloadOnChange: false)
                .AddEnvironmentVariables("ASPNETCORE_")
                .AddEnvironmentVariables()
                .AddInMemoryCollection(arguments.Settings)
                .Build();
            return new SiloConfiguration(settings, environment, root);
        }
        catch (InvalidDataException e)
        {
            // The innermost error knows the line, counted from 0 at the end of its message.
            var reason = e.GetBaseException();
            var where = reason is JsonException { LineNumber: { } line } ? $"line {line + 1}: " : "";
            var what = reason.Message.Split(" LineNumber:")[0];
            throw new SiloStartException($"{e.Message} {where}{what}".ReplaceLineEndings(" ").Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The message has the path.
            throw new SiloStartException($"The settings cannot be read: {e.Message}".ReplaceLineEndings(" ").Trim());
        }
    }

    private static string? Host(SiloArguments arguments, string key) =>
        arguments.Settings.GetValueOrDefault(key)
        ?? System.Environment.GetEnvironmentVariable($"ASPNETCORE_{key.ToUpperInvariant()}")
        ?? System.Environment.GetEnvironmentVariable($"DOTNET_{key.ToUpperInvariant()}");

    // Settings are beside a published host; a checkout is started from its root or from this folder.
    private static string FindContentRoot()
    {
        var here = Directory.GetCurrentDirectory();
        return new[] { AppContext.BaseDirectory, here, Path.Combine(here, "Silo") }
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "appsettings.json")))
            ?? AppContext.BaseDirectory;
    }
}
