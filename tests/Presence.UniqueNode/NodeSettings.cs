namespace Presence.UniqueNode;

/// <summary>The command-line options; the connection string, with its password, is in the environment.</summary>
internal sealed record NodeSettings(
    string Name,
    string Database,
    string Schema,
    IPAddress Address,
    TimeSpan Lease,
    IReadOnlyList<string> Consistent,
    IReadOnlyList<string> Available,
    IReadOnlyList<string> Groups,
    IPEndPoint Resource)
{
    public static NodeSettings Parse(string[] arguments)
    {
        var given = arguments.Chunk(2).ToLookup(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        return new NodeSettings(
            given["--name"].Single(),
            Environment.GetEnvironmentVariable("ConnectionStrings__Presence") ?? "",
            given["--schema"].Single(),
            IPAddress.Parse(given["--address"].Single()),
            TimeSpan.FromSeconds(double.Parse(given["--lease"].Single(), CultureInfo.InvariantCulture)),
            [.. given["--consistent"]],
            [.. given["--available"]],
            [.. given["--group"]],
            IPEndPoint.Parse(given["--resource"].Single()));
    }
}
