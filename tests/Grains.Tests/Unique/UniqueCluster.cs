using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Unique;

/// <summary>Silos with one unique process, "job", which records what happens to it.</summary>
internal sealed class UniqueCluster : IAsyncDisposable
{
    private UniqueCluster(PresenceCluster cluster, Watch watch, SeatFaults faults) =>
        (Presence, Watch, Faults) = (cluster, watch, faults);

    public PresenceCluster Presence { get; }

    public Watch Watch { get; }

    public SeatFaults Faults { get; }

    /// <summary>The election grain, as silos call it.</summary>
    public IUniqueElectionGrain Election =>
        Presence.ServiceOf<IGrainFactory>(Presence.Silos[0]).GetGrain<IUniqueElectionGrain>("job");

    public IUniqueProcessGrain Grain => Presence.Orleans.Client.GetGrain<IUniqueProcessGrain>("job");

    public IUniqueDirectoryGrain Directory => Presence.Orleans.Client.GetGrain<IUniqueDirectoryGrain>(0);

    /// <summary>The silo of the election grain.</summary>
    public InProcessSiloHandle ElectionSilo => Presence.Silos
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

    /// <summary>Waits for the n-th start (from 1) and returns its node.</summary>
    public async Task<string> StartsAsync(int count)
    {
        await Watch.UntilAsync(_ => Starts().Count >= count, $"there are {count} starts");
        return Starts()[count - 1];
    }

    public InProcessSiloHandle SiloOf(string node) => Presence.Silos.Single(s => NameOf(s) == node);

    public string NameOf(InProcessSiloHandle silo) => Presence.ServiceOf<IPresenceNode>(silo).Name;

    /// <summary>Ends a silo without a leave: a kill of the test cluster still stops the services.</summary>
    public Task CrashAsync(string node)
    {
        Faults.Cut[node] = true;
        return Presence.Orleans.KillSiloAsync(SiloOf(node));
    }

    /// <summary>Waits for a status of the grain.</summary>
    public async Task<UniqueProcessStatus> StatusAsync(Func<UniqueProcessStatus, bool> isSo)
    {
        UniqueProcessStatus? status = null;
        await TestTimeouts.UntilAsync("the status is as awaited", TimeSpan.FromSeconds(30), async () =>
        {
            try
            {
                status = await Grain.Status();
                return status is not null && isSo(status);
            }
            catch (Exception e) when (
                e is SiloUnavailableException or OrleansMessageRejectionException or TimeoutException)
            {
                return false;
            }
        });
        return status!;
    }

    /// <summary>Moves the process until it runs on another silo than the grain.</summary>
    public async Task<string> RunsElsewhereAsync()
    {
        var holder = await StartsAsync(1);
        if (SiloOf(holder) != ElectionSilo)
        {
            return holder;
        }

        await StatusAsync(s => s.Node == holder && s.Standbys.Count == Presence.Silos.Count - 1);
        Assert.True(await Grain.HandOver());
        return await StartsAsync(2);
    }

    public ValueTask DisposeAsync() => Presence.DisposeAsync();
}

/// <summary>The nodes that are disconnected from the grain, in both directions.</summary>
internal sealed class SeatFaults
{
    public ConcurrentDictionary<string, bool> Cut { get; } = new();

    /// <summary>
    /// Gets or sets the silo to which reports of other nodes are lost until a seat leaves; null for none.
    /// </summary>
    public SiloAddress? LosesReports { get; set; }

    public bool IsCut(string? node) => node is not null && Cut.ContainsKey(node);
}

/// <summary>Rejects calls of disconnected nodes, at the called silo.</summary>
internal sealed class SeatFilter(SeatFaults faults, ILocalSiloDetails self) : IIncomingGrainCallFilter
{
    public Task Invoke(IIncomingGrainCallContext context)
    {
        var node = context.Grain switch
        {
            IPinnedSiloGrain when context.MethodName
                is nameof(IPinnedSiloGrain.UniqueSeatOf) or nameof(IPinnedSiloGrain.CallUniqueSeat) => self.Name,
            IUniqueElectionGrain when context.Request.GetArgumentCount() > 0 => context.Request.GetArgument(0) switch
            {
                UniqueSeat seat => seat.Node,
                string holder => holder.Split('/')[0],
                _ => null,
            },
            _ => null,
        };
        if (self.SiloAddress.Equals(faults.LosesReports)
            && context.MethodName == nameof(IUniqueElectionGrain.Attend) && node != self.Name)
        {
            throw new TimeoutException("lost by the test");
        }

        faults.LosesReports = context.MethodName == nameof(IUniqueElectionGrain.Leave) ? null : faults.LosesReports;
        return faults.IsCut(node) ? throw new SiloUnavailableException("cut off by the test") : context.Invoke();
    }
}
