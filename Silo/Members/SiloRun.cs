using Presence.Dashboard;

namespace Presence.Silo;

/// <summary>The members of this process and what they share: engine, signing keys, admin password, the draining flag.</summary>
internal sealed class SiloRun
{
    private readonly List<Member> _members = [];
    private readonly TaskCompletionSource _allStop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _stopping;

    private SiloRun(SiloConfiguration configuration, SiloOptions options, EngineChoice engine)
    {
        Configuration = configuration;
        Options = options;
        Engine = engine;
        Keys = TokenKeys.Create(options, IsDevelopment);
        if (options.Admin.Password is null && IsDevelopment)
        {
            options.Admin.Password = GeneratedPassword = PresenceAdminPassword.Generate();
        }
    }

    public SiloConfiguration Configuration { get; }

    public SiloOptions Options { get; }

    public EngineChoice Engine { get; }

    public TokenKeys Keys { get; }

    /// <summary>The password that was made up for this run; null if one is configured, or none may be made up.</summary>
    public string? GeneratedPassword { get; }

    public bool IsDevelopment => Configuration.Environment == Environments.Development;

    /// <summary>Whether the run is on its way down: no member is ready any more.</summary>
    public bool Draining { get; private set; }

    public IReadOnlyList<Member> Members => _members;

    public static SiloRun Create(SiloConfiguration configuration, SiloOptions options, EngineChoice engine) =>
        new(configuration, options, engine);

    /// <summary>Starts all members; if one cannot start, or it is told to stop meanwhile, stops those that did.</summary>
    /// <returns>Whether they are up; false if it was told to stop.</returns>
    /// <exception cref="SiloStartException">An address is taken or not allowed, or the engine cannot start.</exception>
    public async Task<bool> StartAsync(CancellationToken stop)
    {
        try
        {
            await Engine.Engine.PrepareAsync(stop);
            for (var number = 1; number <= Options.Nodes; number++)
            {
                stop.ThrowIfCancellationRequested();
                var member = Member.Build(this, number);
                _members.Add(member);
                await member.StartAsync(stop);
            }

            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var reason = stop.IsCancellationRequested ? null : StartFailure.Explain(e, Engine.Engine, _members is [.., var last] ? last : null);
            // What failed half-way may fail to stop as well; the first reason is the one to tell.
            await StopAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return reason is null ? false : throw reason;
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
