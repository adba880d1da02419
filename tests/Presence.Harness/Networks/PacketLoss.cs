namespace Presence.Harness.Networks;

/// <summary>Makes a <see cref="TestNetwork"/>'s router drop some packets between two places, and counts them.</summary>
/// <remarks>Needs <c>nft</c> (package nftables). The router drops packets, so that senders get no error.</remarks>
public static class PacketLoss
{
    private static readonly Lazy<string?> WhyMissing = new(Try);

    /// <summary>Why packets cannot be dropped here; null if they can.</summary>
    public static string? Missing => WhyMissing.Value;

    private static string? Nft { get; } = Executable.Find("nft");

    /// <summary>Skips the test with a reason, or fails it if <c>PRESENCE_REQUIRE</c> names nftables.</summary>
    public static void Require() => Requirement.Demand("nftables", Missing);

    internal static Task BeginAsync(string router, NetworkPlace one, NetworkPlace other, int percent)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(percent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);
        return RunAsync(router, Rules(Table(one, other), [(one, other), (other, one)], percent));
    }

    internal static async Task<long> EndAsync(string router, NetworkPlace one, NetworkPlace other)
    {
        var table = Table(one, other);
        var listed = await RunAsync(router, $"list table inet {table}", "-j");
        await RunAsync(router, $"delete table inet {table}");
        return Counted(listed);
    }

    private static string Table(NetworkPlace one, NetworkPlace other) =>
        $"{one.RouterInterface}_{other.RouterInterface}";

    private static string Rules(string table, IEnumerable<(NetworkPlace From, NetworkPlace To)> ways, int percent)
    {
        var rules = ways.Select(way => $"add rule inet {table} way ip saddr {way.From.Address} "
            + $"ip daddr {way.To.Address} numgen random mod 100 < {percent} counter drop; ");
        return $"add table inet {table}; "
            + $"add chain inet {table} way {{ type filter hook forward priority 0; }}; {string.Concat(rules)}";
    }

    private static long Counted(string listed)
    {
        using var json = JsonDocument.Parse(listed);
        return json.RootElement.GetProperty("nftables").EnumerateArray()
            .Where(item => item.TryGetProperty("rule", out _))
            .SelectMany(item => item.GetProperty("rule").GetProperty("expr").EnumerateArray())
            .Where(expression => expression.TryGetProperty("counter", out _))
            .Sum(expression => expression.GetProperty("counter").GetProperty("packets").GetInt64());
    }

    private static Task<string> RunAsync(string router, string script, params string[] options) =>
        Command.MustAsync(TestNetwork.Ip!, ["netns", "exec", router, Nft!, .. options, script]);

    private static string? Try()
    {
        if (TestNetwork.Missing is { } missing)
        {
            return missing;
        }

        if (Nft is null)
        {
            return "Losing packets needs nft (package nftables).";
        }

        var name = "pr" + RandomNumberGenerator.GetHexString(6, lowercase: true);
        Reaper.WatchNamespace(name);
        Command.MustAsync(TestNetwork.Ip!, "netns", "add", name).GetAwaiter().GetResult();
        var rules = Rules("trial", [], 1) + "add rule inet trial way numgen random mod 100 < 1 counter drop";
        var tried = Command.RunAsync(TestNetwork.Ip!, ["netns", "exec", name, Nft, rules])
            .GetAwaiter().GetResult();
        Command.RunAsync(TestNetwork.Ip!, ["netns", "delete", name]).GetAwaiter().GetResult();
        return tried.ExitCode == 0 ? null : $"This kernel cannot lose packets by nftables: {tried.Error.Trim()}";
    }
}
