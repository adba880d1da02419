using System.Text.RegularExpressions;

namespace Presence.Processes.Tests.Chaos;

/// <summary>Three silos and PostgreSQL, in network namespaces where possible, and the faults for them.</summary>
internal sealed partial class ChaosSite : IAsyncDisposable
{
    /// <summary>The fault after which a node has sent its leave.</summary>
    public const string Leave = "SIGTERM";

    private const int Size = 3;
    private const int MaxStarts = 3;

    /// <summary>Maximum number of silo names: each needs a place, and a network has room for sixty.</summary>
    private const int MaxNames = 50;

    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(100);

    /// <summary>Maximum silence without being declared dead: less than half the detection time.</summary>
    private static readonly TimeSpan SafelyShort = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(18);

    /// <summary>Maximum time until a silo that was declared dead has ended itself.</summary>
    private static readonly TimeSpan LearnsOfItsDeath = TimeSpan.FromSeconds(15);

    private readonly TestNetwork? _network;
    private readonly PostgresServer _server;
    private readonly NodeCluster _cluster;
    private readonly bool _hasNetem;
    private readonly bool _hasNarrow;
    private volatile IReadOnlyList<NodeProcess> _nodes = [];
    private readonly ConcurrentBag<(int Percent, long Packets)> _losses = [];
    private int _names = Size;

    private ChaosSite(
        TestNetwork? network, PostgresServer server, NodeCluster cluster, string? netemMissing, string? narrowMissing)
    {
        (_network, _server, _cluster) = (network, server, cluster);
        _hasNetem = network is not null && netemMissing is null;
        _hasNarrow = network is not null && narrowMissing is null;
        Lacks = [.. new[] { TestNetwork.Missing, PacketLoss.Missing, netemMissing, narrowMissing }.OfType<string>()
            .Distinct()];
    }

    /// <summary>Why some faults are unavailable here.</summary>
    public IReadOnlyList<string> Lacks { get; }

    public NodeCluster Cluster => _cluster;

    /// <summary>The packets dropped on lossy links.</summary>
    public IReadOnlyCollection<(int Percent, long Packets)> Losses => _losses;

    /// <summary>The nodes that run, suspended or not.</summary>
    public IReadOnlyList<NodeProcess> Nodes => [.. _nodes.Where(node => !node.HasEnded)];

    public static async Task<ChaosSite> OpenAsync()
    {
        PostgresServer.Require();
        var network = TestNetwork.Missing is null ? await TestNetwork.CreateAsync() : null;
        PostgresServer? server = null;
        NodeCluster? cluster = null;
        try
        {
            server = await SiloSite.StartServerAsync(network);
            cluster = await NodeCluster.CreateAsync(SiloSite.Settings, server, network);
            var site = new ChaosSite(
                network,
                server,
                cluster,
                await TryAsync(network, on => on.TryDisturbAsync(SiloSite.Database, TimeSpan.Zero, 0)),
                await TryAsync(network, on => on.TryNarrowAsync(SiloSite.Database, 1000, TimeSpan.FromSeconds(1))));
            site._nodes = await cluster.GrowToAsync(Size);
            return site;
        }
        catch
        {
            await DisposeAsync(cluster, server, network);
            throw;
        }
    }

    /// <summary>Returns the errors that the silos logged, numbers and addresses apart, with their counts.</summary>
    public IReadOnlyList<(string Line, int Count)> ErrorLines() =>
    [
        .. _cluster.All
            .SelectMany(node => ErrorLine().Matches(node.Log).Select(
                match => Digits().Replace(match.Groups["text"].Value, "#")))
            .GroupBy(line => line)
            .Select(group => (group.Key, group.Count()))
            .OrderByDescending(line => line.Item2),
    ];

    /// <summary>Draws the next fault, or with probability 1/4 two different ones at once.</summary>
    public IReadOnlyList<FaultInjection> Next(Random random)
    {
        var (first, second) = (random.Next(Size), random.Next(1, Size));
        var nodes = Nodes;
        var one = Any(random, nodes[first % nodes.Count]);
        var other = Any(random, nodes[(first + second) % nodes.Count]);
        // Two faults of the same links would undo each other.
        return random.Next(4) == 0
            && other.Name != one.Name
            && !(one.IsOutage && other.IsOutage)
            && !(one.IsOfLines && other.IsOfLines)
            ? [one, other]
            : [one];
    }

    /// <summary>Replaces the silos that were declared dead, after they have ended themselves.</summary>
    public async Task ReplaceDeadAsync()
    {
        foreach (var node in _nodes)
        {
            if (await _cluster.Database.ReadAsync<long>(
                "SELECT count(*) FROM presence_orleans.silo "
                + $"WHERE name = '{node.Name}' AND status <> {SiloSite.Dead}") == 0)
            {
                await node.WaitForEndAsync(LearnsOfItsDeath);
            }
        }

        foreach (var ended in _nodes.Where(node => node.HasEnded).ToList())
        {
            _nodes = Nodes;
            _cluster.History.Add(new NodeEnded(_cluster.History.Now, ended.Name, NodeEndReason.Killed));
            await ReplaceAsync(ended, _names < MaxNames);
        }
    }

    public ValueTask DisposeAsync() => DisposeAsync(_cluster, _server, _network);

    private static async ValueTask DisposeAsync(NodeCluster? cluster, PostgresServer? server, TestNetwork? network)
    {
        await (cluster?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (server?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (network?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    /// <summary>Why a kind of link fault is unavailable; null if it is available, or without a network.</summary>
    private static async Task<string?> TryAsync(TestNetwork? network, Func<TestNetwork, Task<string?>> queue)
    {
        var missing = network is null ? null : await queue(network);
        if (network is not null && missing is null)
        {
            await network.CalmAsync(SiloSite.Database);
        }

        return missing;
    }

    private FaultInjection Any(Random random, NodeProcess node)
    {
        var lasts = random.Next(2) == 0 ? SafelyShort * random.NextDouble() : Longest * random.NextDouble();
        var isLong = lasts > SafelyShort;
        var newName = _names < MaxNames && random.Next(2) == 0;
        List<FaultInjection> all =
        [
            .. Enumerable.Repeat(End("kill -9", node, node.KillAsync, lasts, newName), 2),
            .. Enumerable.Repeat(End(Leave, node, node.TerminateAsync, lasts, newName), 2),
            new("SIGSTOP", lasts, isLong, () => Do(() => node.Pause()), () => Do(node.Continue)) { Node = node.Name },
            new("database stopped", lasts, false, _server.StopAsync, _server.StartAgainAsync),
            new("database killed", lasts, false, _server.KillAsync, _server.StartAgainAsync),
            new("database hung", lasts, false, () => Do(_server.Pause), () => Do(_server.Continue)),
            new(
                "database ends all sessions",
                TimeSpan.Zero,
                false,
                _cluster.Database.EndSessionsAsync,
                () => Task.CompletedTask),
        ];
        if (_network is { } network)
        {
            string[] silos = [.. Nodes.Select(other => other.Name).Except([node.Name])];
            all.Add(Cut("cut off from the database", network, node, lasts, false, [SiloSite.Database]));
            all.Add(Cut("cut off from the silos", network, node, lasts, isLong, silos));
            all.Add(Cut("cut off from all", network, node, lasts, isLong, [.. silos, SiloSite.Database]));
            all.Add(Flicker(network, node, lasts, isLong, [.. silos, SiloSite.Database]));
            if (PacketLoss.Missing is null)
            {
                all.Add(Lose(network, node, lasts, isLong, random.Next(5, 31), [.. silos, SiloSite.Database]));
            }
        }

        if (_hasNetem)
        {
            var (delay, loss) = (TimeSpan.FromMilliseconds(random.Next(20, 200)), random.Next(1, 10));
            all.Add(new(
                "delay and loss",
                Longest,
                false,
                () => _network!.DisturbAsync(node.Name, delay, loss),
                () => _network!.CalmAsync(node.Name))
            {
                Node = node.Name,
            });
        }

        if (_hasNarrow)
        {
            var (kilobits, wait) = (random.Next(256, 2048), TimeSpan.FromMilliseconds(random.Next(50, 500)));
            var place = random.Next(2) == 0 ? node.Name : SiloSite.Database;
            all.Add(new(
                "crowded line",
                lasts,
                isLong,
                () => _network!.TryNarrowAsync(place, kilobits, wait),
                () => _network!.CalmAsync(place))
            {
                Node = place == SiloSite.Database ? null : place,
            });
        }

        return all[random.Next(all.Count)];
    }

    private static FaultInjection Cut(
        string name, TestNetwork network, NodeProcess node, TimeSpan lasts, bool isLong, string[] others) =>
        new(
        name,
        lasts,
        isLong,
        () => network.CutAsync(node.Name, others),
        () => network.HealAsync(node.Name, others))
        {
            Node = node.Name,
        };

    private FaultInjection End(string name, NodeProcess node, Func<Task> end, TimeSpan lasts, bool newName) =>
        new(name, lasts, false, () => EndAsync(node, end), () => ReplaceAsync(node, newName))
        {
            NeedsDatabaseToEnd = true,
            Node = node.Name,
        };

    private FaultInjection Lose(
        TestNetwork network, NodeProcess node, TimeSpan lasts, bool isLong, int percent, string[] others) =>
        new(
        "lost packets",
        lasts,
        isLong,
        () => network.LoseAsync(node.Name, others, percent),
        async () =>
        {
            foreach (var packets in await network.RecoverAsync(node.Name, others))
            {
                _losses.Add((percent, packets));
            }
        })
        {
            Node = node.Name,
        };

    /// <summary>Links that drop one packet of three, in bursts.</summary>
    private static FaultInjection Flicker(
        TestNetwork network, NodeProcess node, TimeSpan lasts, bool isLong, string[] others)
    {
        var stop = new CancellationTokenSource();
        var flickering = Task.CompletedTask;
        var isCut = false;
        return new FaultInjection("lines that flicker", lasts, isLong, () => Do(
            () => flickering = FlickerAsync()), async () =>
        {
            await stop.CancelAsync();
            await flickering;
            stop.Dispose();
        })
        {
            Node = node.Name,
        };

        async Task FlickerAsync()
        {
            using var beat = new PeriodicTimer(Burst);
            for (var i = 0; !stop.IsCancellationRequested && await beat.WaitForNextTickAsync(); i++)
            {
                isCut = i % 3 == 0;
                await (isCut ? network.CutAsync(node.Name, others)
                    : i % 3 == 1 ? network.HealAsync(node.Name, others)
                    : Task.CompletedTask);
            }

            if (isCut)
            {
                await network.HealAsync(node.Name, others);
            }
        }
    }

    private async Task EndAsync(NodeProcess node, Func<Task> end)
    {
        _nodes = [.. _nodes.Where(other => other != node)];
        await end();
    }

    /// <remarks>A start may fail because of a concurrent fault; it is repeated, as an operator would.</remarks>
    private async Task ReplaceAsync(NodeProcess ended, bool newName)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (newName)
                {
                    _names++;
                    _nodes = await _cluster.GrowToAsync(Size);
                }
                else
                {
                    _nodes = [.. _nodes, await _cluster.StartAgainAsync(ended)];
                }

                return;
            }
            catch (InvalidOperationException) when (attempt < MaxStarts)
            {
                // Retry.
            }
        }
    }

    private static Task Do(Action act)
    {
        act();
        return Task.CompletedTask;
    }

    [GeneratedRegex(@"^(?:fail|crit): (?<text>\S+\n? +.{0,200})", RegexOptions.Multiline)]
    private static partial Regex ErrorLine();

    [GeneratedRegex(@"[0-9a-f]{4,}|\d+")]
    private static partial Regex Digits();
}
