using Presence.Dashboard;

namespace Presence.Silo;

/// <summary>The members of this process and what they share: cluster, signing keys, admin password, the draining flag.</summary>
internal sealed class SiloRun
{
    private readonly List<Member> _members = [];
    private readonly TaskCompletionSource _allStop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _stopping;

    private SiloRun(SiloConfiguration configuration, SiloOptions options, TextWriter output)
    {
        Configuration = configuration;
        Options = options;
        Cluster = new SiloCluster(options, output);
        Keys = TokenKeys.Create(options, IsDevelopment);
        if (string.IsNullOrEmpty(options.Admin.Password) && IsDevelopment)
        {
            options.Admin.Password = GeneratedPassword = PresenceAdminPassword.Generate();
        }
    }

    public SiloConfiguration Configuration { get; }

    public SiloOptions Options { get; }

    public SiloCluster Cluster { get; }

    public TokenKeys Keys { get; }

    /// <summary>The password that was made up for this run; null if one is configured, or none may be made up.</summary>
    public string? GeneratedPassword { get; }

    public bool IsDevelopment => Configuration.Environment == Environments.Development;

    /// <summary>Whether the run is on its way down: no member is ready any more.</summary>
    public bool Draining { get; private set; }

    public IReadOnlyList<Member> Members => _members;

    public static SiloRun Create(SiloConfiguration configuration, SiloOptions options, TextWriter output) =>
        new(configuration, options, output);

    /// <summary>Starts all members; if one cannot start, or it is told to stop meanwhile, stops those that did.</summary>
    /// <returns>Whether they are up; false if it was told to stop.</returns>
    /// <exception cref="SiloStartException">An address is taken or not allowed, or the cluster cannot be joined.</exception>
    public async Task<bool> StartAsync(CancellationToken stop)
    {
        try
        {
            ListenAddresses.Check(Options);
            await Cluster.PrepareAsync(stop);
            _members.AddRange(Cluster.Places.Select(place => Member.Build(this, place)));
            // In turn: of two that join at once one finds the membership table changed, and waits 3 s before it tries again.
            var first = _members[Cluster.First.Number - 1];
            await StartAsync(first, stop);
            Cluster.CheckJoined(first.Services);
            foreach (var member in _members.Where(member => member != first))
            {
                await StartAsync(member, stop);
            }

            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var reason = stop.IsCancellationRequested ? null : StartFailure.Explain(e, null);
            // What failed half-way may fail to stop as well; the first reason is the one to tell.
            await StopAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return reason is null ? false : throw reason;
        }
    }

    private static async Task StartAsync(Member member, CancellationToken stop)
    {
        try
        {
            await member.StartAsync(stop);
        }
        catch (Exception e) when (e is not (OutOfMemoryException or OperationCanceledException))
        {
            throw StartFailure.Explain(e, member);
        }
    }

    /// <summary>Stops all members side by side; what is not done in time is left behind.</summary>
    public async Task StopAsync(TimeSpan within)
    {
        Draining = true;
        using var limit = new CancellationTokenSource(within);
        await Task.WhenAll(_members.Select(member => member.StopAsync(limit.Token)));
    }

    /// <summary>Called by each member when it begins to stop; completes when all have called.</summary>
    public Task AllStopAsync()
    {
        if (Interlocked.Increment(ref _stopping) >= _members.Count)
        {
            _allStop.TrySetResult();
        }

        return _allStop.Task;
    }
}
