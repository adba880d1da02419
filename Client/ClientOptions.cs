using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Presence.CommandLine.Connections;

namespace Presence.CommandLine;

/// <summary>Options and the values they take.</summary>
internal static class ClientOptions
{
    /// <summary>
    /// Creates an option; the last of several values counts. Throws <see cref="ClientUsageException"/>.
    /// </summary>

    public static Option<T> Create<T>(
        string name, string value, string description, Func<string, T> parse, Func<T>? defaultValue = null) => new(name)
        {
            HelpName = value,
            Description = description,
            Arity = ArgumentArity.OneOrMore,
            DefaultValueFactory = defaultValue is null ? null : _ => defaultValue(),
            CustomParser = result =>
            {
                try
                {
                    return parse(result.Tokens[^1].Value);
                }
                catch (ClientUsageException e)
                {
                    result.AddError($"{name} {e.Message}");
                    return default;
                }
            },
        };

    /// <summary>Creates an option without a value.</summary>
    public static Option<bool> Flag(string name, string description) =>
        new(name) { Description = description, Arity = ArgumentArity.Zero };

    public static int ToSeconds(string text) => ToInt32(text, 0, 1_000_000);

    public static int ToInt32(string text, int min, int max) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max
            ? value
            : throw new ClientUsageException($"is '{text}': it must be a whole number from {min} to {max}.");

    /// <summary>Reads a number per second, written <c>200/s</c> or <c>200</c>.</summary>
    public static double ToRate(string text)
    {
        var number = text.EndsWith("/s", StringComparison.Ordinal) ? text[..^2] : text;
        return double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            && value > 0
            ? value
            : throw new ClientUsageException($"is '{text}': it must be a number per second, such as 200/s.");
    }

    public static JsonElement ToMeta(string text)
    {
        try
        {
            var meta = JsonSerializer.Deserialize<JsonElement>(text);
            return meta.ValueKind == JsonValueKind.Object
                ? meta
                : throw new ClientUsageException("must be a JSON object.");
        }
        catch (JsonException e)
        {
            throw new ClientUsageException($"is not valid JSON: {e.Message}");
        }
    }

    public static IReadOnlyList<IPEndPoint> ToGateways(string list) => [.. Split(list, "gateway").Select(text =>
        IPEndPoint.TryParse(text, out var gateway) && gateway.Port > 0
            ? gateway
            : throw new ClientUsageException(
                $"is '{text}': it must be an IP address and a port, such as 127.0.0.1:30000."))];

    /// <summary>Returns the roots of nodes, each ending with a slash.</summary>
    public static IReadOnlyList<Uri> ToNodes(string list) => [.. Split(list, "node").Select(ToNode)];

    private static Uri ToNode(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url)
            || url.Scheme is not ("http" or "https" or "ws" or "wss"))
        {
            throw new ClientUsageException($"is '{text}': it must begin with http://, https://, ws:// or wss://.");
        }

        // The address of a socket is accepted as well.
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

    private static string[] Split(string list, string what) =>
        list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is [_, ..] all
            ? all
            : throw new ClientUsageException($"is '{list}': it must name at least one {what}.");
}

/// <summary>The options of all verbs: nodes and sign-in.</summary>
internal sealed class NodeOptions
{
    private readonly Option<IReadOnlyList<Uri>> _url = ClientOptions.Create(
        "--url",
        "URL",
        "Node, or its socket; several for shoppers, separated by commas (default: http://127.0.0.1:4000)",
        ClientOptions.ToNodes);

    private readonly Option<string> _user = ClientOptions.Create(
        "--user", "NAME", "User (default: PRESENCE_ADMIN_USER, or else admin)", text => text);

    private readonly Option<string> _password = ClientOptions.Create(
        "--password",
        "TEXT",
        "Password (default: PRESENCE_ADMIN_PASSWORD, which is not visible in the process list)",
        text => text);

    private readonly Option<bool> _json = ClientOptions.Flag("--json", "One JSON object per line");

    public void AddTo(Command command)
    {
        command.Add(_url);
        command.Add(_user);
        command.Add(_password);
        command.Add(_json);
    }

    public bool IsJson(ParseResult parsed) => parsed.GetValue(_json);

    public NodeAccess Access(ParseResult parsed) => new(
        parsed.GetValue(_url) ?? ClientOptions.ToNodes("http://127.0.0.1:4000"),
        parsed.GetValue(_user) ?? Environment.GetEnvironmentVariable("PRESENCE_ADMIN_USER") ?? "admin",
        parsed.GetValue(_password) ?? Environment.GetEnvironmentVariable("PRESENCE_ADMIN_PASSWORD"));
}

/// <summary>The options of verbs that may use grains instead of a node's socket.</summary>
internal sealed class TopicOptions
{
    public const string OrleansName = "--orleans";

    private readonly Option<bool> _orleans = ClientOptions.Flag(
        OrleansName, "Use grains instead of a node's socket; without a password");

    private readonly Option<IReadOnlyList<IPEndPoint>> _gateway = ClientOptions.Create(
        "--gateway",
        "LIST",
        "Gateways of silos, separated by commas (default: 127.0.0.1:30000)",
        ClientOptions.ToGateways);

    private readonly Option<string> _clusterId = ClientOptions.Create(
        "--cluster-id", "ID", "Of the Orleans cluster (default: presence)", text => text);

    private readonly Option<string> _serviceId = ClientOptions.Create(
        "--service-id", "ID", "Of the Orleans service (default: presence)", text => text);

    public void AddTo(Command command)
    {
        Option[] withOrleans = [_gateway, _clusterId, _serviceId];
        command.Add(_orleans);
        foreach (var option in withOrleans)
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (!result.GetValue(_orleans)
                && withOrleans.FirstOrDefault(option => result.GetResult(option) is not null) is { } orphan)
            {
                result.AddError($"{orphan.Name} goes with {OrleansName}.");
            }
        });
    }

    /// <summary>Returns the gateways of silos; null without <c>--orleans</c>.</summary>
    public SiloAccess? Cluster(ParseResult parsed) => parsed.GetValue(_orleans)
        ? new(
            parsed.GetValue(_gateway) ?? ClientOptions.ToGateways("127.0.0.1:30000"),
            parsed.GetValue(_clusterId) ?? "presence",
            parsed.GetValue(_serviceId) ?? "presence")
        : null;
}
