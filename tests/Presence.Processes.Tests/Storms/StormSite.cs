using System.Collections.Concurrent;
using Presence.Harness.Databases;
using Presence.Harness.Members;
using Presence.Harness.Networks;

namespace Presence.Processes.Tests.Storms;

/// <summary>Three members over PostgreSQL, each and the server in a network namespace of its own where there are such, and what can befall them.</summary>
internal sealed class StormSite : IAsyncDisposable
{
    /// <summary>The strike after which a member has said that it goes.</summary>
    public const string Farewell = "SIGTERM";

    private const string Database = "database";
    private const int Size = 3;

    /// <summary>A place for each name, and a network has room for sixty.</summary>
    private const int MostNames = 50;

    /// <summary>Four unanswered questions, which take five seconds and a half here, or fifteen seconds of silence hold a member as down.</summary>
    private static readonly Dictionary<string, string> Settings = new()
    {
        ["Presence:Tracker:BroadcastPeriod"] = "1s",
        ["Presence:Tracker:MaxSilentPeriods"] = "6",
        ["Presence:Tracker:DownPeriod"] = "15s",
    };

    /// <summary>A member that is silent for no longer must not be held as down; less than a fifth of the down period, for a busy machine.</summary>
    private static readonly TimeSpan SafelyShort = TimeSpan.FromSeconds(2);

    /// <summary>
    /// A database that is away for no longer must not make anybody be held as down: half the down period, to come back in the other.
    /// </summary>
    private static readonly TimeSpan SafelyShortOutage = TimeSpan.FromSeconds(7);

    private static readonly TimeSpan Burst = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(18);

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

    /// <summary>Those that live, paused or not.</summary>
    public IReadOnlyList<MemberProcess> Members => _members;

    public static async Task<StormSite> OpenAsync()
    {
        PostgresServer.Require();
        var network = TestNetwork.Missing is null ? await TestNetwork.CreateAsync() : null;
        PostgresServer? server = null;
        MemberCluster? cluster = null;
        try
        {
            server = await StartServerAsync(network);
            cluster = await MemberCluster.CreateAsync(Settings, server, network);
            var site = new StormSite(
                network,
                server,
                cluster,
                await TryAsync(network, on => on.TryDisturbAsync(Database, TimeSpan.Zero, 0)),
                await TryAsync(network, on => on.TryNarrowAsync(Database, 1000, TimeSpan.FromSeconds(1))));
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
        var one = Any(random, _members[first]);
        var other = Any(random, _members[(first + second) % Size]);
        return random.Next(4) == 0 && other.Name != one.Name && !(one.IsOutage && other.IsOutage) ? [one, other] : [one];
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
            await network.CalmAsync(Database);
        }

        return missing;
    }

    private static async Task<PostgresServer> StartServerAsync(TestNetwork? network)
    {
        if (network is null)
        {
            return await PostgresServer.StartAsync();
        }

        var place = await network.AddAsync(Database);
        return await PostgresServer.StartAsync(new PostgresServerOptions
        {
            Address = place.Address,
            Prefix = place.Prefix,
            AllowedNetwork = "198.18.0.0/15",
        });
    }

    private Strike Any(Random random, MemberProcess member)
    {
        var lasts = random.Next(2) == 0 ? SafelyShort * random.NextDouble() : Longest * random.NextDouble();
        var (isLong, isLongOutage) = (lasts > SafelyShort, lasts > SafelyShortOutage);
        var newName = _names < MostNames && random.Next(2) == 0;
        List<Strike> all =
        [
            Kill(member, lasts, newName),
            Kill(member, lasts, newName),
            Stop(member, lasts, newName),
            Stop(member, lasts, newName),
            new("SIGSTOP", lasts, isLong, () => Do(() => member.Pause()), () => Do(member.Continue)),
            new("database stopped", lasts, isLongOutage, _server.StopAsync, _server.StartAgainAsync),
            new("database killed", lasts, isLongOutage, _server.KillAsync, _server.StartAgainAsync),
            new("database hung", lasts, isLongOutage, () => Do(_server.Pause), () => Do(_server.Continue)),
            new("database ends all sessions", TimeSpan.Zero, false, EndSessionsAsync, () => Task.CompletedTask),
        ];
        if (_network is { } network)
        {
            all.Add(new("cut off", lasts, isLong, () => network.CutAsync(member.Name, Database), () => network.HealAsync(member.Name, Database)));
            all.Add(Flicker(network, member, lasts));
            if (PacketLoss.Missing is null)
            {
                all.Add(Lose(network, member, lasts, isLong, random.Next(5, 31)));
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
            var place = random.Next(2) == 0 ? member.Name : Database;
            all.Add(new(
                "crowded line", lasts, isLong, () => _network!.TryNarrowAsync(place, kilobits, wait), () => _network!.CalmAsync(place)));
        }

        return all[random.Next(all.Count)];
    }

    private Strike Kill(MemberProcess member, TimeSpan lasts, bool newName) =>
        new("kill -9", lasts, false, () => EndAsync(member, member.KillAsync), () => ReplaceAsync(member, newName))
        {
            NeedsDatabaseToEnd = true,
        };

    private Strike Stop(MemberProcess member, TimeSpan lasts, bool newName) =>
        new(Farewell, lasts, false, () => EndAsync(member, member.TerminateAsync), () => ReplaceAsync(member, newName))
        {
            NeedsDatabaseToEnd = true,
        };

    private Strike Lose(TestNetwork network, MemberProcess member, TimeSpan lasts, bool isLong, int percent) => new(
        "lost packets",
        lasts,
        isLong,
        () => network.LoseAsync(member.Name, Database, percent),
        async () => _losses.Add((percent, await network.RecoverAsync(member.Name, Database))));

    /// <summary>A line that loses one packet of three, in bursts.</summary>
    private static Strike Flicker(TestNetwork network, MemberProcess member, TimeSpan lasts)
    {
        var stop = new CancellationTokenSource();
        var flickering = Task.CompletedTask;
        var isCut = false;
        return new Strike("line that flickers", lasts, false, () => Do(() => flickering = FlickerAsync()), async () =>
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
                await (isCut ? network.CutAsync(member.Name, Database)
                    : i % 3 == 1 ? network.HealAsync(member.Name, Database)
                    : Task.CompletedTask);
            }

            if (isCut)
            {
                await network.HealAsync(member.Name, Database);
            }
        }
    }

    private async Task EndAsync(MemberProcess member, Func<Task> end)
    {
        _members = [.. _members.Where(other => other != member)];
        await end();
    }

    private async Task ReplaceAsync(MemberProcess ended, bool newName)
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
    }

    private async Task EndSessionsAsync()
    {
        await _cluster.Database.RunAsync(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()");
    }

    private static Task Do(Action act)
    {
        act();
        return Task.CompletedTask;
    }
}
