namespace Presence.UniqueMember;

/// <summary>What the command line says, each word with a value; the database is in the environment, because it holds a password.</summary>
internal sealed record MemberSettings(
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
    public static MemberSettings Parse(string[] arguments)
    {
        var given = arguments.Chunk(2).ToLookup(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        return new MemberSettings(
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
