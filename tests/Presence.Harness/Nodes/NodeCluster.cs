namespace Presence.Harness.Nodes;

/// <summary>Silos as processes that share a database. Each name is used once. All end with the cluster.</summary>
public sealed class NodeCluster : IAsyncDisposable
{
    private const int MaxStarts = 3;

    private readonly TestNetwork? _network;
    private readonly PostgresDatabase _database;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly List<NodeProcess> _all = [];
    private int _last;

    private NodeCluster(
        PostgresDatabase database, TestNetwork? network, IReadOnlyDictionary<string, string> settings) =>
        (_database, _network, _settings) = (database, network, settings);

    public History History { get; } = new();

    /// <summary>Gets or sets the host of the nodes that start from now on. Default: of this version.</summary>
    public HostBuild Host { get; set; } = HostFiles.Current;

    public PostgresDatabase Database => _database;

    /// <summary>Gets all nodes that were started, those that have ended included.</summary>
    public IReadOnlyList<NodeProcess> All => _all;

    public IReadOnlyList<NodeProcess> Living => [.. _all.Where(node => !node.HasEnded)];

    /// <summary>Creates the database; skips the test without PostgreSQL.</summary>
    /// <param name="server">The server of the database; by default the shared one.</param>
    /// <param name="network">The network of the nodes, each in its own namespace; by default loopback.</param>
    public static async Task<NodeCluster> CreateAsync(
        IReadOnlyDictionary<string, string>? settings = null,
        PostgresServer? server = null,
        TestNetwork? network = null)
    {
        PostgresServer.Require();
        var database = await (server ?? await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        return new NodeCluster(database, network, settings ?? new Dictionary<string, string>());
    }

    /// <summary>Starts nodes in parallel until this many run.</summary>
    /// <remarks>
    /// On a busy machine a silo may not answer probes while it starts, so that Orleans declares it dead and it ends. As
    /// with an orchestrator, another one takes its place.
    /// </remarks>
    public async Task<IReadOnlyList<NodeProcess>> GrowToAsync(int count)
    {
        var starting = Enumerable.Range(0, Math.Max(0, count - Living.Count)).Select(_ => StartNewAsync()).ToList();
        try
        {
            await Task.WhenAll(starting);
        }
        finally
        {
            _all.AddRange(starting.Where(start => start.IsCompletedSuccessfully).Select(start => start.Result));
        }

        return Living;
    }

    /// <summary>Restarts a node that has ended under its name.</summary>
    public async Task<NodeProcess> StartAgainAsync(NodeProcess ended)
    {
        if (!ended.HasEnded)
        {
            throw new InvalidOperationException($"{ended.Name} has not ended.");
        }

        var node = await StartAsync(ended.Name);
        _all.Add(node);
        return node;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_all.Select(node => node.DisposeAsync().AsTask()));
        await _database.DisposeAsync();
    }

    private async Task<NodeProcess> StartNewAsync()
    {
        for (var start = 1; ; start++)
        {
            try
            {
                return await StartAsync($"m{Interlocked.Increment(ref _last)}");
            }
            catch (InvalidOperationException e) when (
                start < MaxStarts && e.Message.Contains("told I am dead", StringComparison.Ordinal))
            {
                // The next one.
            }
        }
    }

    private async Task<NodeProcess> StartAsync(string name)
    {
        var options = new NodeOptions
        {
            Name = name,
            Host = Host,
            ConnectionString = _database.ConnectionString,
            Settings = _settings,
            History = History,
        };
        if (_network is not null)
        {
            var place = await _network.AddAsync(name);
            options = options with
            {
                Url = $"http://{place.Address}:4000",
                Prefix = place.Prefix,
                Settings = new Dictionary<string, string>(_settings)
                {
                    ["Presence:Orleans:AdvertisedAddress"] = place.Address.ToString(),
                },
            };
        }

        return await NodeProcess.StartAsync(options);
    }
}
