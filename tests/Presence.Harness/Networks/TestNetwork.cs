namespace Presence.Harness.Networks;

/// <summary>
/// Network namespaces ("places"), connected by a router in another one. The router drops packets between two places
/// that are cut, silently and in both directions, including those of open connections.
/// </summary>
/// <remarks>
/// Needs root and <c>ip</c> (package iproute2). Adds one interface and one route to the machine, to a part of
/// 198.18.0.0/15, which is reserved for tests; disposal removes both.
/// </remarks>
public sealed class TestNetwork : IAsyncDisposable
{
    // Each place has four addresses, at its link's number times four. Link 0 leads to the machine itself.
    private const int MaxPlaces = 60;

    // 198.18.0.0/24 to 198.18.255.0/24.
    private const int MaxNetworks = 256;

    private static readonly Lazy<string?> WhyMissing = new(Try);

    private readonly string _prefix = "pr" + RandomNumberGenerator.GetHexString(8, lowercase: true);
    private readonly Dictionary<string, NetworkPlace> _places = [];
    private readonly SemaphoreSlim _changing = new(1);
    private int? _net;

    private TestNetwork()
    {
    }

    internal static string? Ip { get; } = Executable.Find("ip");

    /// <summary>Why namespaces are unavailable; null if they are available.</summary>
    public static string? Missing => WhyMissing.Value;

    /// <summary>Address by which all places reach this machine, whatever is cut.</summary>
    public IPAddress HostAddress => IPAddress.Parse(Address(0, 2));

    private string Router => _prefix + "r";

    private string HostInterface => InterfaceOf(_net!.Value);

    /// <summary>Skips the test with a reason, or fails it if <c>PRESENCE_REQUIRE</c> names namespaces.</summary>
    public static void Require() => Requirement.Demand("namespaces", Missing);

    /// <summary>Creates the router and its link to this machine.</summary>
    public static Task<TestNetwork> CreateAsync() => CreateAsync(RandomNumberGenerator.GetInt32(0, MaxNetworks));

    /// <summary>Creates a network with this number, 0 to 255, or with the next that no other network has.</summary>
    public static async Task<TestNetwork> CreateAsync(int firstNumber)
    {
        Require();
        var network = new TestNetwork();
        try
        {
            await network.BeginAsync(firstNumber);
            return network;
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    /// <summary>Creates a place, or returns the existing one.</summary>
    public async Task<NetworkPlace> AddAsync(string name)
    {
        await _changing.WaitAsync();
        try
        {
            if (_places.TryGetValue(name, out var known))
            {
                return known;
            }

            var number = _places.Count + 1;
            if (number > MaxPlaces)
            {
                throw new InvalidOperationException($"A network has room for {MaxPlaces} places.");
            }

            var line = number.ToString(CultureInfo.InvariantCulture);
            var place = new NetworkPlace(
                name, _prefix + "n" + line, IPAddress.Parse(Address(number, 2)), $"{_prefix}p{line}");
            Reaper.WatchNamespace(place.Namespace);
            await IpAsync($"netns add {place.Namespace}");
            await IpAsync(
                $"link add {place.RouterInterface} netns {Router} type veth peer name eth0 netns {place.Namespace}");
            await IpAsync($"-n {Router} address add {Address(number, 1)}/30 dev {place.RouterInterface}");
            await IpAsync($"-n {Router} link set {place.RouterInterface} up");
            await IpAsync($"-n {place.Namespace} address add {place.Address}/30 dev eth0");
            await IpAsync($"-n {place.Namespace} link set eth0 up");
            await IpAsync($"-n {place.Namespace} link set lo up");
            await IpAsync($"-n {place.Namespace} route add default via {Address(number, 1)}");
            return _places[name] = place;
        }
        finally
        {
            _changing.Release();
        }
    }

    /// <summary>Drops all packets between a place and others, in both directions.</summary>
    public Task CutAsync(string one, params IEnumerable<string> others) => RuleAsync("add", one, others);

    /// <summary>Ends <see cref="CutAsync"/>.</summary>
    public Task HealAsync(string one, params IEnumerable<string> others) => RuleAsync("delete", one, others);

    /// <summary>
    /// Drops a random percentage of the packets between a place and others in each direction, until
    /// <see cref="RecoverAsync"/>. Skips the test without <c>nft</c>.
    /// </summary>
    public async Task LoseAsync(string one, IEnumerable<string> others, int percent)
    {
        PacketLoss.Require();
        foreach (var other in others)
        {
            await PacketLoss.BeginAsync(Router, _places[one], _places[other], percent);
        }
    }

    /// <summary>Ends <see cref="LoseAsync"/>.</summary>
    /// <returns>The number of dropped packets of each link.</returns>
    public async Task<IReadOnlyList<long>> RecoverAsync(string one, IEnumerable<string> others)
    {
        var lost = new List<long>();
        foreach (var other in others)
        {
            lost.Add(await PacketLoss.EndAsync(Router, _places[one], _places[other]));
        }

        return lost;
    }

    /// <summary>Delays and drops packets to a place. Skips the test without <c>sch_netem</c>.</summary>
    /// <param name="lossPercent">Percentage of dropped packets, 0 to 100.</param>
    public async Task DisturbAsync(string place, TimeSpan delay, double lossPercent) =>
        Requirement.Demand("netem", await TryDisturbAsync(place, delay, lossPercent));

    /// <inheritdoc cref="DisturbAsync"/>
    /// <returns>Why this is unavailable; null on success.</returns>
    public Task<string?> TryDisturbAsync(string place, TimeSpan delay, double lossPercent) => TryQueueAsync(
        place, $"netem delay {delay.TotalMilliseconds:0}ms loss {lossPercent}%");

    /// <summary>
    /// Limits the bandwidth to a place: packets are queued, and dropped when they would wait longer than the maximum.
    /// Simulates a congested link, also without netem.
    /// </summary>
    /// <returns>Why this is unavailable; null on success.</returns>
    public Task<string?> TryNarrowAsync(string place, int kilobits, TimeSpan maxWait) => TryQueueAsync(
        place, $"tbf rate {kilobits}kbit burst 16kb latency {maxWait.TotalMilliseconds:0}ms");

    /// <summary>Ends <see cref="DisturbAsync"/> or <see cref="TryNarrowAsync"/>.</summary>
    public Task CalmAsync(string place) =>
        Command.MustAsync(
            Executable.Find("tc")!, "-n", Router, "qdisc", "delete", "dev", _places[place].RouterInterface, "root");

    /// <summary>Removes all namespaces and links. End the programs in them first.</summary>
    public async ValueTask DisposeAsync()
    {
        // Namespaces are removed in the background; the link to them goes at once.
        if (_net is not null)
        {
            await Command.RunAsync(Ip!, ["link", "delete", HostInterface]);
        }

        foreach (var space in _places.Values.Select(place => place.Namespace).Append(Router))
        {
            await Command.RunAsync(Ip!, ["netns", "delete", space]);
        }

        _changing.Dispose();
    }

    private async Task RuleAsync(string verb, string one, IEnumerable<string> others)
    {
        foreach (var other in others)
        {
            var (here, there) = (_places[one].Address, _places[other].Address);
            await IpAsync($"-n {Router} rule {verb} priority 100 from {here} to {there} blackhole");
            await IpAsync($"-n {Router} rule {verb} priority 100 from {there} to {here} blackhole");
        }
    }

    private async Task<string?> TryQueueAsync(string place, string discipline)
    {
        if (Executable.Find("tc") is not { } tc)
        {
            return "tc is missing (package iproute2).";
        }

        var result = await Command.RunAsync(
            tc, $"-n {Router} qdisc replace dev {_places[place].RouterInterface} root {discipline}".Split(' '));
        return result.ExitCode == 0
            ? null
            : $"The kernel knows no queue {discipline.Split(' ')[0]}: {result.Error.Trim()}";
    }

    private async Task BeginAsync(int firstNumber)
    {
        Reaper.WatchNamespace(Router);
        await IpAsync($"netns add {Router}");
        await Command.MustAsync(Ip!, "netns", "exec", Router, "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward");
        _net = await ClaimAsync(firstNumber);
        await IpAsync($"-n {Router} address add {Address(0, 1)}/30 dev host0");
        await IpAsync($"-n {Router} link set host0 up");
        await IpAsync($"-n {Router} link set lo up");
        await IpAsync($"address add {Address(0, 2)}/30 dev {HostInterface}");
        await IpAsync($"link set {HostInterface} up");
        await IpAsync($"route add 198.18.{_net}.0/24 via {Address(0, 1)}");
    }

    // Networks of other test processes choose numbers at the same time. The kernel gives a name to one interface.
    private async Task<int> ClaimAsync(int first)
    {
        for (var attempt = 0; attempt < MaxNetworks; attempt++)
        {
            var number = (first + attempt) % MaxNetworks;
            var arguments = $"link add {InterfaceOf(number)} type veth peer name host0 netns {Router}";
            var result = await Command.RunAsync(Ip!, arguments.Split(' '));
            if (result.ExitCode == 0)
            {
                return number;
            }

            if (!result.Error.Contains("File exists", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"ip {arguments} ended with {result.ExitCode}: {result.Error}");
            }
        }

        throw new InvalidOperationException($"All {MaxNetworks} networks are in use.");
    }

    private static string InterfaceOf(int network) => string.Create(CultureInfo.InvariantCulture, $"prhost{network}");

    private string Address(int line, int end) => $"198.18.{_net}.{(line * 4) + end}";

    private static Task<string> IpAsync(string arguments) => Command.MustAsync(Ip!, arguments.Split(' '));

    private static string? Try()
    {
        if (!OperatingSystem.IsLinux() || !Unprivileged.IsRoot)
        {
            return "Network namespaces need Linux and root.";
        }

        if (Ip is null)
        {
            return "Network namespaces need ip (package iproute2).";
        }

        var name = "pr" + RandomNumberGenerator.GetHexString(6, lowercase: true);
        var made = Command.RunAsync(Ip, ["netns", "add", name]).GetAwaiter().GetResult();
        if (made.ExitCode != 0)
        {
            return $"This machine allows no network namespaces: {made.Error.Trim()}";
        }

        var line = Command.RunAsync(Ip, ["-n", name, "link", "add", "line0", "type", "veth", "peer", "name", "line1"])
            .GetAwaiter().GetResult();
        Command.RunAsync(Ip, ["netns", "delete", name]).GetAwaiter().GetResult();
        return line.ExitCode == 0 ? null : $"This kernel cannot join network namespaces: {line.Error.Trim()}";
    }
}
