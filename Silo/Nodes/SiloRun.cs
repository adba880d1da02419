using Presence.Dashboard.SignIn;
using Presence.Postgres;
using Presence.Silo.Configuration;

namespace Presence.Silo.Nodes;

/// <summary>The nodes of this process and their shared services.</summary>
internal sealed class SiloRun
{
    private readonly List<NodeHost> _nodes = [];
    private readonly TaskCompletionSource<string> _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TextWriter _output;

    private SiloRun(SiloConfiguration configuration, SiloOptions options, TextWriter output)
    {
        _output = output;
        Configuration = configuration;
        Options = options;
        Cluster = new SiloCluster(options.PlanSilos(), output, options.Database is { } database
            ? silo => Database.UseClustering(silo, database, options.Orleans.Kubernetes)
            : null);
        Keys = TokenKeys.Create(options, IsDevelopment);
        if (string.IsNullOrEmpty(options.Admin.Password) && IsDevelopment)
        {
            options.Admin.Password = GeneratedPassword = AdminCredentials.NewPassword();
        }
    }

    public SiloConfiguration Configuration { get; }
    public SiloOptions Options { get; }
    public SiloCluster Cluster { get; }
    public TokenKeys Keys { get; }

    /// <summary>Gets the generated password; null if one is configured or the environment is not Development.</summary>
    public string? GeneratedPassword { get; }

    public bool IsDevelopment => Configuration.Environment == Environments.Development;

    /// <summary>Gets whether the run is stopping: no node is ready any more.</summary>
    public bool Draining { get; private set; }

    public IReadOnlyList<NodeHost> Nodes => _nodes;

    /// <summary>Gets a task that ends with the name of a node when that fails and stops by itself.</summary>
    public Task<string> NodeFailed => _failed.Task;

    public static SiloRun Create(SiloConfiguration configuration, SiloOptions options, TextWriter output) =>
        new(configuration, options, output);

    /// <summary>Starts all nodes; stops them if one fails or a stop is requested.</summary>
    /// <returns>False if a stop was requested.</returns>
    /// <exception cref="SiloStartException">An address is unusable, or the cluster cannot be joined.</exception>
    public async Task<bool> StartAsync(CancellationToken stop)
    {
        try
        {
            ListenAddresses.Check(Options);
            await Cluster.PrepareAsync(stop);
            if (Options.Database is { } database)
            {
                await PostgresSiloTables.CreateAsync(database, stop);
            }

            _nodes.AddRange(Cluster.Silos.Select(endpoints => NodeHost.Build(this, endpoints)));
            var first = _nodes[Cluster.First.Number - 1];
            await StartAsync(first, stop);
            Cluster.CheckJoined(first.Services);
            foreach (var node in _nodes.Where(node => node != first))
            {
                await StartAsync(node, stop);
            }

            return true;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            var reason = stop.IsCancellationRequested ? null : StartFailure.Describe(e, null);
            // Nodes that failed to start may fail to stop as well; the first error is reported.
            await StopAsync(TimeSpan.FromSeconds(1)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return reason is null ? false : throw reason;
        }
    }

    private async Task StartAsync(NodeHost node, CancellationToken stop)
    {
        try
        {
            node.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(() =>
            {
                if (!Draining)
                {
                    _failed.TrySetResult(node.Name);
                }
            });
            await node.StartAsync(stop);
        }
        catch (Exception e) when (e is not (OutOfMemoryException or OperationCanceledException))
        {
            throw StartFailure.Describe(e, node);
        }
    }

    /// <summary>Stops all nodes concurrently, for at most the given time.</summary>
    /// <remarks>
    /// Without its database a silo does not end: it retries to write that it stops. Then the others detect its death.
    /// </remarks>
    public async Task StopAsync(TimeSpan timeout)
    {
        Draining = true;
        using var limit = new CancellationTokenSource(timeout - TimeSpan.FromSeconds(0.5));
        try
        {
            await Task.WhenAll(_nodes.Select(node => node.StopAsync(limit.Token))).WaitAsync(timeout);
        }
        catch (TimeoutException)
        {
            await _output.WriteLineAsync("Not all silos could write to the database that they stop; ending without.");
        }
    }
}
