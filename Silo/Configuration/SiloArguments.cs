namespace Presence.Silo.Configuration;

/// <summary>The command line, as configuration keys and values.</summary>

internal sealed record SiloArguments(
    IReadOnlyDictionary<string, string?> Settings, bool Help, bool CreateSchema = false)
{
    public const string Usage = """
        usage: Presence.Silo [--nodes N] [--urls URL] [--create-schema] [--Any:Config value]

          --nodes    silos in this process; silo k listens on the port of the address + k - 1; default 1
          --urls     address of the first silo; default http://127.0.0.1:4000; port 0 lets the system choose
          --create-schema   create the tables in the database of ConnectionStrings:Presence, and end
          --A:B v    any setting of appsettings.json, for example --Presence:Tracker:BroadcastPeriod 500ms

        More processes of one cluster: give each its own --urls. They find each other through ConnectionStrings:Presence
        (PostgreSQL), or without it on this machine by --Presence:Orleans:Primary ADDRESS:PORT, by default the silo of
        the host on HTTP port 4000.
        """;

    private static readonly Dictionary<string, string> Short = new(StringComparer.OrdinalIgnoreCase)
    {
        ["nodes"] = "Presence:Nodes",
        ["urls"] = "urls",
        ["environment"] = "environment",
        ["contentRoot"] = "contentRoot",
    };

    /// <exception cref="SiloStartException">An option is unknown or its value is missing.</exception>
    public static SiloArguments Parse(IReadOnlyList<string> args)
    {
        var settings = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        var createSchema = false;
        for (var i = 0; i < args.Count; i++)
        {
            var word = args[i];
            if (word is "--help" or "-h" or "-?")
            {
                return new SiloArguments(settings, Help: true);
            }

            if (word is "--create-schema")
            {
                createSchema = true;
                continue;
            }

            if (!word.StartsWith("--", StringComparison.Ordinal) || word.Length == 2)
            {
                throw new SiloStartException($"'{word}' is not understood: options begin with --. Try --help.");
            }

            var equals = word.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? word[2..] : word[2..equals];
            if (!Short.TryGetValue(name, out var key))
            {
                key = name.Contains(':', StringComparison.Ordinal)
                    ? name
                    : throw new SiloStartException(
                        $"--{name} is not an option: use --nodes, --urls, --create-schema or settings with a colon, "
                        + "such as --Presence:NodeName. Try --help.");
            }

            if (equals < 0 && (i + 1 >= args.Count || args[i + 1].StartsWith("--", StringComparison.Ordinal)))
            {
                throw new SiloStartException($"--{name} needs a value.");
            }

            settings[key] = equals < 0 ? args[++i] : word[(equals + 1)..];
        }

        return new SiloArguments(settings, Help: false, createSchema);
    }
}
