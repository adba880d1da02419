using System.Globalization;
using System.Net;

namespace Presence.Client;

/// <summary>The words of the command line cannot be understood.</summary>
internal sealed class ClientUsageException(string message) : Exception(message);

/// <summary>The command line.</summary>
internal sealed class ClientArguments
{
    public const string Usage = """
        usage: Presence.Client VERB [options]

          watch TOPIC                  who is there, then who comes, changes and goes, until Ctrl-C
          list TOPIC                   who is there
          get TOPIC KEY                the presences under one key; exit status 1 if there are none
          track TOPIC KEY              be there until Ctrl-C [--meta JSON] [--seconds S]
          cluster                      members, and what each knows of the others
          shoppers --count N           customers for the sample shop [--ramp R] [--seconds S] [--seed N]

          --url URL        of a member; default http://127.0.0.1:4000. Several for shoppers, separated by commas;
                           ws://127.0.0.1:4000/socket will do as well
          --orleans        watch, list, get and track through grains instead of a member's socket; no password is asked for
          --gateway LIST   with --orleans: gateways of silos; default 127.0.0.1:30000. --cluster-id and --service-id: presence
          --user NAME      default admin, or PRESENCE_ADMIN_USER
          --password TEXT  or PRESENCE_ADMIN_PASSWORD, which other users of this machine cannot read in the process list
          --json           one JSON object per line
          --ramp R         shoppers that come per second, such as 200/s or 200; default 100/s
          --seconds S      for shoppers: how long they shop after all have come; default 30
          --seed N         the same decisions again

        Results are written to the standard output, everything else to the error output.
        Exit status: 0 done, 1 failed, 2 wrong usage.
        """;

    private static readonly Dictionary<string, int> Operands = new(StringComparer.Ordinal)
    {
        ["watch"] = 1,
        ["list"] = 1,
        ["get"] = 2,
        ["track"] = 2,
        ["cluster"] = 0,
        ["shoppers"] = 0,
    };

    private static readonly Dictionary<string, string[]> Options = new(StringComparer.Ordinal)
    {
        ["watch"] = [],
        ["list"] = [],
        ["get"] = [],
        ["track"] = ["meta", "seconds"],
        ["cluster"] = [],
        ["shoppers"] = ["count", "ramp", "seconds", "seed"],
    };

    private static readonly string[] Everywhere = ["url", "user", "password"];
    private static readonly string[] WithOrleans = ["gateway", "cluster-id", "service-id"];

    private readonly Dictionary<string, string> _given = new(StringComparer.Ordinal);
    private readonly List<string> _operands = [];

    private ClientArguments(string verb) => Verb = verb;

    public string Verb { get; }

    public bool Help { get; private init; }

    public bool Json { get; private set; }

    /// <summary>Whether to speak to grains.</summary>
    public bool Orleans { get; private set; }

    /// <summary>Where silos take clients, at least one.</summary>
    public IReadOnlyList<IPEndPoint> Gateways =>
        [.. _given.GetValueOrDefault("gateway", "127.0.0.1:30000").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Gateway)];

    public string Topic => _operands[0];

    public string Key => _operands[1];

    public string User => _given.GetValueOrDefault("user")
        ?? Environment.GetEnvironmentVariable("PRESENCE_ADMIN_USER")
        ?? "admin";

    /// <summary>Null if none was given.</summary>
    public string? Password => _given.GetValueOrDefault("password")
        ?? Environment.GetEnvironmentVariable("PRESENCE_ADMIN_PASSWORD");

    /// <summary>The roots of the members, at least one, each ending with a slash.</summary>
    public IReadOnlyList<Uri> Members =>
        [.. _given.GetValueOrDefault("url", "http://127.0.0.1:4000").Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Member)];

    /// <exception cref="ClientUsageException">A word is not understood, or one is missing.</exception>
    public static ClientArguments Parse(IReadOnlyList<string> args)
    {
        if (args.Count == 0)
        {
            throw new ClientUsageException($"a verb is missing: {string.Join(", ", Operands.Keys)}.");
        }

        if (args.Any(word => word is "--help" or "-h" or "help"))
        {
            return new ClientArguments("help") { Help = true };
        }

        var verb = args[0];
        if (!Operands.TryGetValue(verb, out var operands))
        {
            throw new ClientUsageException($"'{verb}' is no verb: there are {string.Join(", ", Operands.Keys)}.");
        }

        var arguments = new ClientArguments(verb);
        for (var i = 1; i < args.Count; i++)
        {
            i = arguments.Take(args, i);
        }

        if (arguments._operands.Count != operands)
        {
            var wanted = operands switch { 0 => "nothing", 1 => "a topic", _ => "a topic and a key" };
            throw new ClientUsageException($"{verb} takes {wanted}; {arguments._operands.Count} given.");
        }

        if (arguments.Orleans && verb is not ("watch" or "list" or "get" or "track"))
        {
            throw new ClientUsageException($"{verb} speaks to the members' sockets: leave --orleans out.");
        }

        if (!arguments.Orleans && WithOrleans.FirstOrDefault(arguments._given.ContainsKey) is { } lonely)
        {
            throw new ClientUsageException($"--{lonely} goes with --orleans.");
        }

        // Complains now about what would be asked for later.
        _ = arguments.Gateways;
        _ = arguments.Members;
        return arguments;
    }

    public string? Text(string option) => _given.GetValueOrDefault(option);

    /// <exception cref="ClientUsageException">It is missing and there is no default, or it is out of range.</exception>
    public int Whole(string option, int? otherwise, int least, int most)
    {
        if (!_given.TryGetValue(option, out var text))
        {
            return otherwise ?? throw new ClientUsageException($"--{option} is missing.");
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most
            ? value
            : throw new ClientUsageException($"--{option} is '{text}': it must be a whole number from {least} to {most}.");
    }

    /// <summary>A number per second, written <c>200/s</c> or <c>200</c>.</summary>
    public double PerSecond(string option, double otherwise)
    {
        if (!_given.TryGetValue(option, out var text))
        {
            return otherwise;
        }

        var number = text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text;
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value
            : throw new ClientUsageException($"--{option} is '{text}': it must be a number per second, such as 200/s.");
    }

    private int Take(IReadOnlyList<string> args, int at)
    {
        var word = args[at];
        if (!word.StartsWith("--", StringComparison.Ordinal))
        {
            _operands.Add(word);
            return at;
        }

        if (word == "--")
        {
            // What follows is taken as it is, so that a key may begin with dashes.
            _operands.AddRange(args.Skip(at + 1));
            return args.Count;
        }

        var equals = word.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? word[2..] : word[2..equals];
        if (name is "json" or "orleans" && equals < 0)
        {
            (Json, Orleans) = (Json || name == "json", Orleans || name == "orleans");
            return at;
        }

        if (!Everywhere.Contains(name) && !WithOrleans.Contains(name) && !Options[Verb].Contains(name))
        {
            throw new ClientUsageException($"--{name} is not an option of {Verb}.");
        }

        if (equals < 0 && at + 1 >= args.Count)
        {
            throw new ClientUsageException($"--{name} needs a value.");
        }

        _given[name] = equals < 0 ? args[at + 1] : word[(equals + 1)..];
        return equals < 0 ? at + 1 : at;
    }

    private static IPEndPoint Gateway(string text) => IPEndPoint.TryParse(text.Trim(), out var gateway) && gateway.Port > 0
        ? gateway
        : throw new ClientUsageException($"--gateway is '{text}': it must be an IP address and a port, such as 127.0.0.1:30000.");

    private static Uri Member(string text)
    {
        if (!Uri.TryCreate(text.Trim(), UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https" or "ws" or "wss"))
        {
            throw new ClientUsageException($"--url is '{text}': it must begin with http://, https://, ws:// or wss://.");
        }

        // The address of a socket names its member as well.
        var path = url.AbsolutePath.TrimEnd('/');
        foreach (var ending in new[] { "/websocket", "/socket", "/admin_socket" })
        {
            path = path.EndsWith(ending, StringComparison.Ordinal) ? path[..^ending.Length] : path;
        }

        return new UriBuilder(url)
        {
            Scheme = url.Scheme switch { "ws" => "http", "wss" => "https", var other => other },
            Path = path + "/",
            Query = "",
        }.Uri;
    }
}
