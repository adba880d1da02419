using System.Globalization;
using System.Net;
using Presence.Node;

namespace Presence.UniqueMember;

/// <summary>What the command line says, each word with a value; the database is in the environment, because it holds a password.</summary>
internal sealed record MemberSettings(
    string Engine,
    string Name,
    string Database,
    string Schema,
    UniqueProcessMode Mode,
    TimeSpan Lease,
    IReadOnlyList<string> Processes,
    IReadOnlyList<string> Groups,
    IPEndPoint Resource)
{
    public static MemberSettings Parse(string[] arguments)
    {
        var given = arguments.Chunk(2).ToLookup(pair => pair[0], pair => pair[1], StringComparer.Ordinal);
        return new MemberSettings(
            given["--engine"].Single(),
            given["--name"].Single(),
            Environment.GetEnvironmentVariable("ConnectionStrings__Presence") ?? "",
            given["--schema"].Single(),
            Enum.Parse<UniqueProcessMode>(given["--mode"].Single()),
            TimeSpan.FromSeconds(double.Parse(given["--lease"].Single(), CultureInfo.InvariantCulture)),
            [.. given["--process"]],
            [.. given["--group"]],
            IPEndPoint.Parse(given["--resource"].Single()));
    }
}
