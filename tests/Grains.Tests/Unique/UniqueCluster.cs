using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Unique;

/// <summary>Silos that have added one unique process, "job", which says what happens to it.</summary>
internal sealed class UniqueCluster : IAsyncDisposable
{
    private UniqueCluster(PresenceCluster cluster, Watch watch, SeatFaults faults) => (Presence, Watch, Faults) = (cluster, watch, faults);

    public PresenceCluster Presence { get; }

    public Watch Watch { get; }

    public SeatFaults Faults { get; }

    /// <summary>The grain that elects, as silos call it.</summary>
    public IUniqueElectionGrain Election =>
        Presence.ServiceOf<IGrainFactory>(Presence.Silos[0]).GetGrain<IUniqueElectionGrain>("job");

    public IUniqueProcessGrain Grain => Presence.Orleans.Client.GetGrain<IUniqueProcessGrain>("job");

    public IUniqueDirectoryGrain Directory => Presence.Orleans.Client.GetGrain<IUniqueDirectoryGrain>(0);

    /// <summary>The silo on which the grain lives.</summary>
    public InProcessSiloHandle Home => Presence.Silos
        .OrderBy(s => s.SiloAddress.Generation).ThenBy(s => s.SiloAddress).First();

    public static async Task<UniqueCluster> StartAsync(
        Action<UniqueProcessOptions>? configure = null,
        Action<PresenceOrleansOptions>? configureOrleans = null,
        Action<IServiceCollection>? more = null,
        short silos = 3,
        Watch? watch = null,
        Action<UniqueProcessGroup>? group = null)
    {
        watch ??= new Watch();
        var faults = new SeatFaults();
        var cluster = await PresenceCluster.StartAsync(
            silos,
            configureOrleans,
            configureSilo: silo =>
            {
                more?.Invoke(silo.Services);
                silo.Services.AddSingleton(watch);
                silo.Services.AddSingleton<IIncomingGrainCallFilter>(services =>
                    new SeatFilter(faults, services.GetRequiredService<ILocalSiloDetails>()));
                silo.Services.AddUniqueProcess("job", group ?? (g => g.Add<Watched>()), o =>
                {
                    o.SettleTime = TimeSpan.FromMilliseconds(200);
                    o.TakeoverDelay = TimeSpan.FromMilliseconds(100);
                    o.StopTimeout = TimeSpan.FromSeconds(2);
                    configure?.Invoke(o);
                });
            });
        return new UniqueCluster(cluster, watch, faults);
    }

    public IReadOnlyList<string> Starts() =>
        [.. Watch.Seen.Where(s => s.EndsWith(" starts", StringComparison.Ordinal)).Select(s => s[..^7])];

    /// <summary>Waits for the n-th start (from 1) and names where it was.</summary>
    public async Task<string> StartsAsync(int count)
    {
        await Watch.UntilAsync(_ => Starts().Count >= count, $"there are {count} starts");
        return Starts()[count - 1];
    }

    public InProcessSiloHandle SiloOf(string node) => Presence.Silos.Single(s => NameOf(s) == node);

    public string NameOf(InProcessSiloHandle silo) => Presence.ServiceOf<IPresenceNode>(silo).Name;

    /// <summary>Ends a silo without letting what runs there say anything: a kill of the test cluster still stops its services.</summary>
    public Task CrashAsync(string node)
    {
        Faults.Cut[node] = true;
        return Presence.Orleans.KillSiloAsync(SiloOf(node));
    }

    /// <summary>Waits until the grain tells of whom it is.</summary>
    public async Task<UniqueProcessStatus> StatusAsync(Func<UniqueProcessStatus, bool> isSo)
    {
        UniqueProcessStatus? status = null;
        await Patience.UntilAsync("the status is as awaited", TimeSpan.FromSeconds(30), async () =>
        {
            try
            {
                status = await Grain.Status();
                return status is not null && isSo(status);
            }
            catch (Exception e) when (e is SiloUnavailableException or OrleansMessageRejectionException or TimeoutException)
            {
                return false;
            }
        });
        return status!;
    }

    /// <summary>Moves the process until it runs elsewhere than the grain does.</summary>
    public async Task<string> RunsElsewhereAsync()
    {
        var holder = await StartsAsync(1);
        if (SiloOf(holder) != Home)
        {
            return holder;
        }

        await StatusAsync(s => s.Node == holder && s.Standbys.Count == Presence.Silos.Count - 1);
        Assert.True(await Grain.HandOver());
        return await StartsAsync(2);
    }

    public ValueTask DisposeAsync() => Presence.DisposeAsync();
}

/// <summary>Which members cannot reach the grain, nor it them.</summary>
internal sealed class SeatFaults
{
    public ConcurrentDictionary<string, bool> Cut { get; } = new();

    public bool IsCut(string? node) => node is not null && Cut.ContainsKey(node);
}

/// <summary>Refuses what is cut off, at the silo that is called.</summary>
internal sealed class SeatFilter(SeatFaults faults, ILocalSiloDetails self) : IIncomingGrainCallFilter
{
    public Task Invoke(IIncomingGrainCallContext context)
    {
        var node = context.Grain switch
        {
            IPresenceSiloGrain when context.MethodName is nameof(IPresenceSiloGrain.UniqueSeatOf) or nameof(IPresenceSiloGrain.CallUniqueSeat) => self.Name,
            IUniqueElectionGrain when context.Request.GetArgumentCount() > 0 => context.Request.GetArgument(0) switch
            {
                UniqueSeat seat => seat.Node,
                string holder => holder.Split('/')[0],
                _ => null,
            },
            _ => null,
        };
        return faults.IsCut(node) ? throw new SiloUnavailableException("cut off by the test") : context.Invoke();
    }
}
