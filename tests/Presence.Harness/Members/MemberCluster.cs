namespace Presence.Harness.Members;

/// <summary>Silos as processes that find each other in one database, each under a name that was never used before, and all ended with the
/// cluster.</summary>
public sealed class MemberCluster : IAsyncDisposable
{
    private readonly TestNetwork? _network;
    private readonly PostgresDatabase _database;
    private readonly IReadOnlyDictionary<string, string> _settings;
    private readonly List<MemberProcess> _all = [];
    private int _last;

    private MemberCluster(PostgresDatabase database, TestNetwork? network, IReadOnlyDictionary<string, string> settings) =>
        (_database, _network, _settings) = (database, network, settings);

    public History History { get; } = new();

    public PostgresDatabase Database => _database;

    public IReadOnlyList<MemberProcess> Living => [.. _all.Where(member => !member.HasEnded)];

    /// <summary>Creates the database; skips the test if PostgreSQL cannot be had here.</summary>
    /// <param name="server">Where the database is made; by default the shared server.</param>
    /// <param name="network">Where the members live, each in its own namespace; by default on loopback.</param>
    public static async Task<MemberCluster> CreateAsync(
        IReadOnlyDictionary<string, string>? settings = null,
        PostgresServer? server = null,
        TestNetwork? network = null)
    {
        PostgresServer.Require();
        var database = await (server ?? await PostgresServer.SharedAsync()).CreateDatabaseAsync();
        return new MemberCluster(database, network, settings ?? new Dictionary<string, string>());
    }

    /// <summary>Starts members side by side until this many live.</summary>
    public async Task<IReadOnlyList<MemberProcess>> GrowToAsync(int count)
    {
        var names = Enumerable.Range(0, Math.Max(0, count - Living.Count))
            .Select(_ => $"m{++_last}")
            .ToList();
        var starting = names.ConvertAll(StartAsync);
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

    /// <summary>Starts a member under the name of one that has ended, as whoever runs it in earnest does.</summary>
    public async Task<MemberProcess> StartAgainAsync(MemberProcess ended)
    {
        if (!ended.HasEnded)
        {
            throw new InvalidOperationException($"{ended.Name} has not ended.");
        }

        var member = await StartAsync(ended.Name);
        _all.Add(member);
        return member;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_all.Select(member => member.DisposeAsync().AsTask()));
        await _database.DisposeAsync();
    }

    private async Task<MemberProcess> StartAsync(string name)
    {
        var options = new MemberOptions
        {
            Name = name,
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
                Settings = new Dictionary<string, string>(_settings) { ["Presence:Orleans:AdvertisedAddress"] = place.Address.ToString() },
            };
        }

        return await MemberProcess.StartAsync(options);
    }
}
