namespace Presence.Processes.Tests.Storms;

/// <summary>Three silos over PostgreSQL, each and the server in a network namespace of its own where there are such, and the faults of them all.</summary>
internal sealed class StormSite : IAsyncDisposable
{
    /// <summary>The strike after which a member has said that it goes.</summary>
    public const string Farewell = "SIGTERM";

    private const int Size = 3;
    private const int MaxStarts = 3;

    /// <summary>A place for each name, and a network has room for sixty.</summary>
    private const int MostNames = 50;

    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(100);

    /// <summary>A silo that is silent for no longer must not be declared dead: less than half of what it takes.</summary>
    private static readonly TimeSpan SafelyShort = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(18);

    /// <summary>By then a silo that was declared dead has learnt it and ended.</summary>
    private static readonly TimeSpan LearnsOfItsDeath = TimeSpan.FromSeconds(15);

    private readonly TestNetwork? _network;
    private readonly PostgresServer _server;
    private readonly MemberCluster _cluster;
    private readonly bool _hasNetem;
    private readonly bool _hasNarrow;
    private volatile IReadOnlyList<MemberProcess> _members = [];
    private readonly ConcurrentBag<(int Percent, long Packets)> _losses = [];
    private int _names = Size;

    private StormSite(TestNetwork? network, PostgresServer server, MemberCluster cluster, string? netemMissing, string? narrowMissing)
    {
        (_network, _server, _cluster) = (network, server, cluster);
        _hasNetem = network is not null && netemMissing is null;
        _hasNarrow = network is not null && narrowMissing is null;
        Lacks = [.. new[] { TestNetwork.Missing, PacketLoss.Missing, netemMissing, narrowMissing }.OfType<string>().Distinct()];
    }

    /// <summary>Why some faults cannot be done here.</summary>
    public IReadOnlyList<string> Lacks { get; }

    public MemberCluster Cluster => _cluster;

    /// <summary>What lines have lost that were to lose packets.</summary>
    public IReadOnlyCollection<(int Percent, long Packets)> Losses => _losses;

    /// <summary>Those that live, suspended or not.</summary>
    public IReadOnlyList<MemberProcess> Members => [.. _members.Where(member => !member.HasEnded)];

    public static async Task<StormSite> OpenAsync()
    {
        PostgresServer.Require();
        var network = TestNetwork.Missing is null ? await TestNetwork.CreateAsync() : null;
        PostgresServer? server = null;
        MemberCluster? cluster = null;
        try
        {
            server = await SiloSite.StartServerAsync(network);
            cluster = await MemberCluster.CreateAsync(SiloSite.Settings, server, network);
            var site = new StormSite(
                network,
                server,
                cluster,
                await TryAsync(network, on => on.TryDisturbAsync(SiloSite.Database, TimeSpan.Zero, 0)),
                await TryAsync(network, on => on.TryNarrowAsync(SiloSite.Database, 1000, TimeSpan.FromSeconds(1))));
            site._members = await cluster.GrowToAsync(Size);
            return site;
        }
        catch
        {
            await DisposeAsync(cluster, server, network);
            throw;
        }
    }

    /// <summary>What happens next: one fault, or in one case of four two different ones at once.</summary>
    public IReadOnlyList<Strike> Next(Random random)
    {
        var (first, second) = (random.Next(Size), random.Next(1, Size));
        var members = Members;
        var one = Any(random, members[first % members.Count]);
        var other = Any(random, members[(first + second) % members.Count]);
        // Two that change the same lines would undo each other.
        return random.Next(4) == 0 && other.Name != one.Name && !(one.IsOutage && other.IsOutage) && !(one.IsOfLines && other.IsOfLines)
            ? [one, other]
            : [one];
    }

    /// <summary>Replaces the silos that were declared dead, after they have learnt it and ended.</summary>
    public async Task ReplaceDeadAsync()
    {
        foreach (var member in _members)
        {
            if (await _cluster.Database.ReadAsync<long>(
                $"SELECT count(*) FROM presence_orleans.silo WHERE name = '{member.Name}' AND status <> {SiloSite.Dead}") == 0)
            {
                await member.WaitForEndAsync(LearnsOfItsDeath);
            }
        }

        foreach (var ended in _members.Where(member => member.HasEnded).ToList())
        {
            _members = Members;
            _cluster.History.Add(new MemberEnded(_cluster.History.Now, ended.Name, MemberEnd.Killed));
            await ReplaceAsync(ended, _names < MostNames);
        }
    }

    public ValueTask DisposeAsync() => DisposeAsync(_cluster, _server, _network);

    private static async ValueTask DisposeAsync(MemberCluster? cluster, PostgresServer? server, TestNetwork? network)
    {
        await (cluster?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (server?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (network?.DisposeAsync() ?? ValueTask.CompletedTask);
    }

    /// <summary>Why a kind of line cannot be had here; null if it can, or if there is no network to have it in.</summary>
    private static async Task<string?> TryAsync(TestNetwork? network, Func<TestNetwork, Task<string?>> queue)
    {
        var missing = network is null ? null : await queue(network);
        if (network is not null && missing is null)
        {
            await network.CalmAsync(SiloSite.Database);
        }

        return missing;
    }

    private Strike Any(Random random, MemberProcess member)
    {
        var lasts = random.Next(2) == 0 ? SafelyShort * random.NextDouble() : Longest * random.NextDouble();
        var isLong = lasts > SafelyShort;
        var newName = _names < MostNames && random.Next(2) == 0;
        List<Strike> all =
        [
            .. Enumerable.Repeat(End("kill -9", member, member.KillAsync, lasts, newName), 2),
            .. Enumerable.Repeat(End(Farewell, member, member.TerminateAsync, lasts, newName), 2),
            new("SIGSTOP", lasts, isLong, () => Do(() => member.Pause()), () => Do(member.Continue)),
            new("database stopped", lasts, false, _server.StopAsync, _server.StartAgainAsync),
            new("database killed", lasts, false, _server.KillAsync, _server.StartAgainAsync),
            new("database hung", lasts, false, () => Do(_server.Pause), () => Do(_server.Continue)),
            new("database ends all sessions", TimeSpan.Zero, false, _cluster.Database.EndSessionsAsync, () => Task.CompletedTask),
        ];
        if (_network is { } network)
        {
            string[] silos = [.. Members.Select(other => other.Name).Except([member.Name])];
            all.Add(Cut("cut off from the database", network, member, lasts, false, [SiloSite.Database]));
            all.Add(Cut("cut off from the silos", network, member, lasts, isLong, silos));
            all.Add(Cut("cut off from all", network, member, lasts, isLong, [.. silos, SiloSite.Database]));
            all.Add(Flicker(network, member, lasts, isLong, [.. silos, SiloSite.Database]));
            if (PacketLoss.Missing is null)
            {
                all.Add(Lose(network, member, lasts, isLong, random.Next(5, 31), [.. silos, SiloSite.Database]));
            }
        }

        if (_hasNetem)
        {
            var (delay, loss) = (TimeSpan.FromMilliseconds(random.Next(20, 200)), random.Next(1, 10));
            all.Add(new(
                "delay and loss",
                Longest,
                false,
                () => _network!.DisturbAsync(member.Name, delay, loss),
                () => _network!.CalmAsync(member.Name)));
        }

        if (_hasNarrow)
        {
            var (kilobits, wait) = (random.Next(256, 2048), TimeSpan.FromMilliseconds(random.Next(50, 500)));
            var place = random.Next(2) == 0 ? member.Name : SiloSite.Database;
            all.Add(new(
                "crowded line", lasts, isLong, () => _network!.TryNarrowAsync(place, kilobits, wait), () => _network!.CalmAsync(place)));
        }

        return all[random.Next(all.Count)];
    }

    private static Strike Cut(string name, TestNetwork network, MemberProcess member, TimeSpan lasts, bool isLong, string[] others) => new(
        name,
        lasts,
        isLong,
        () => network.CutAsync(member.Name, others),
        () => network.HealAsync(member.Name, others));

    private Strike End(string name, MemberProcess member, Func<Task> end, TimeSpan lasts, bool newName) =>
        new(name, lasts, false, () => EndAsync(member, end), () => ReplaceAsync(member, newName))
        {
            NeedsDatabaseToEnd = true,
        };

    private Strike Lose(TestNetwork network, MemberProcess member, TimeSpan lasts, bool isLong, int percent, string[] others) => new(
        "lost packets",
        lasts,
        isLong,
        () => network.LoseAsync(member.Name, others, percent),
        async () =>
        {
            foreach (var packets in await network.RecoverAsync(member.Name, others))
            {
                _losses.Add((percent, packets));
            }
        });

    /// <summary>Lines that lose one packet of three, in bursts.</summary>
    private static Strike Flicker(TestNetwork network, MemberProcess member, TimeSpan lasts, bool isLong, string[] others)
    {
        var stop = new CancellationTokenSource();
        var flickering = Task.CompletedTask;
        var isCut = false;
        return new Strike("lines that flicker", lasts, isLong, () => Do(() => flickering = FlickerAsync()), async () =>
        {
            await stop.CancelAsync();
            await flickering;
            stop.Dispose();
        });

        async Task FlickerAsync()
        {
            using var beat = new PeriodicTimer(Burst);
            for (var i = 0; !stop.IsCancellationRequested && await beat.WaitForNextTickAsync(); i++)
            {
                isCut = i % 3 == 0;
                await (isCut ? network.CutAsync(member.Name, others)
                    : i % 3 == 1 ? network.HealAsync(member.Name, others)
                    : Task.CompletedTask);
            }

            if (isCut)
            {
                await network.HealAsync(member.Name, others);
            }
        }
    }

    private async Task EndAsync(MemberProcess member, Func<Task> end)
    {
        _members = [.. _members.Where(other => other != member)];
        await end();
    }

    /// <remarks>A start may fail because of a fault that still goes on; it is tried again, as by whoever runs silos in earnest.</remarks>
    private async Task ReplaceAsync(MemberProcess ended, bool newName)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                if (newName)
                {
                    _names++;
                    _members = await _cluster.GrowToAsync(Size);
                }
                else
                {
                    _members = [.. _members, await _cluster.StartAgainAsync(ended)];
                }

                return;
            }
            catch (InvalidOperationException) when (attempt < MaxStarts)
            {
                // Once more.
            }
        }
    }

    private static Task Do(Action act)
    {
        act();
        return Task.CompletedTask;
    }
}
