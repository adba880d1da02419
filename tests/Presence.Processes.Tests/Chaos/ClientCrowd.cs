using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;
using Presence.Tracker;

namespace Presence.Processes.Tests.Chaos;

/// <summary>
/// Two Orleans clients, each with 1,000 presences in 500 topics and with a subscription to each topic of the other.
/// </summary>
internal sealed class ClientCrowd : IAsyncDisposable
{
    private const int Topics = 500;
    private const int Presences = 1000;
    private const int UpdatesAtOnce = 100;
    private const int RememberedChanges = 8;

    private readonly List<IHost> _hosts = [];
    private readonly List<Owner> _owners = [];
    private readonly ConcurrentQueue<(PresenceChange Change, TimeSpan At)> _leaves = new();
    private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _changes = new(StringComparer.Ordinal);

    private ClientCrowd()
    {
    }

    public LeaveExcuses Excuses { get; } = new();

    public int Updates { get; private set; }

    public static async Task<ClientCrowd> StartAsync(NodeCluster cluster)
    {
        var crowd = new ClientCrowd();
        for (var i = 0; i < 2; i++)
        {
            crowd._hosts.Add(await StartClientAsync(cluster));
        }

        for (var i = 0; i < 2; i++)
        {
            crowd._owners.Add(
                await crowd.StartAsync($"worker:{i}", crowd._hosts[i], crowd._hosts[1 - i], cluster.History));
        }

        return crowd;
    }

    /// <summary>Updates some presences of each client; what fails may or may not have taken effect.</summary>
    public async Task UpdateAsync(Random random)
    {
        var updates = _owners.SelectMany(owner => Enumerable.Range(0, UpdatesAtOnce)
            .Select(_ => owner.Tracked[random.Next(Presences)])
            .Distinct()).Select(presence => presence.UpdateAsync()).ToList();
        Updates += updates.Count;
        await Task.WhenAll(updates);
    }

    /// <summary>Waits until each client sees exactly the presences of the other in their last versions.</summary>
    public Task<TimeSpan> AgreeAsync(TimeSpan within) => TestTimeouts.UntilAsync(
        "every client sees exactly the presences of the other",
        within,
        () => !Disagreements().Any(),
        () => string.Join('\n', Disagreements().Take(20)));

    /// <summary>Returns the leaves since the last call that no fault explains.</summary>
    public IReadOnlyList<string> UnexplainedLeaves()
    {
        var leaves = new List<(PresenceChange Change, TimeSpan At)>();
        while (_leaves.TryDequeue(out var leave))
        {
            leaves.Add(leave);
        }

        return [.. leaves
            .Where(leave => !Excuses.Explain(leave.Change.Entry.Owner.Node, leave.Change.Reason, leave.At))
            .Select(leave => $"{leave.Change.Entry.Key} of {leave.Change.Entry.Owner.Node} left at "
                + $"{leave.At.TotalSeconds:0.0} s: {leave.Change.Reason}")];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.StopAsync();
            host.Dispose();
        }
    }

    private static async Task<IHost> StartClientAsync(NodeCluster cluster)
    {
        var database = new Npgsql.NpgsqlConnectionStringBuilder(cluster.Database.ConnectionString)
        {
            SearchPath = "presence_orleans",
        };

        // Without logging: a lost connection is an error there.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleansClient(client => client
            .UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = ("Npgsql", database.ConnectionString))
            .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = ("presence", "presence"))
            .Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = TimeSpan.FromSeconds(5))
            .AddPresence());
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private async Task<Owner> StartAsync(string name, IHost own, IHost other, History history)
    {
        var client = own.Services.GetRequiredService<IPresenceClient>();
        var tracked = await client.TrackManyAsync([.. Enumerable.Range(0, Presences)
            .Select(i => new TrackRequest($"{name}:{i % Topics}", $"{name}/{i}", Presence.Meta(0)))]);
        var subscriptions = new List<ITopicSubscription>();
        var reader = other.Services.GetRequiredService<IPresenceClient>();
        for (var i = 0; i < Topics; i++)
        {
            subscriptions.Add(await reader.SubscribeAsync($"{name}:{i}", changes =>
            {
                foreach (var change in changes)
                {
                    Remember(change, history.Now);
                }

                return default;
            }, (SubscriptionKind)(i % 2)));
        }

        return new([.. tracked.Select(presence => new Presence(presence))], subscriptions);
    }

    private void Remember(PresenceChange change, TimeSpan at)
    {
        if (change.Kind == PresenceChangeKind.Left)
        {
            _leaves.Enqueue((change, at));
        }

        var changes = _changes.GetOrAdd(change.Entry.Key, _ => new());
        changes.Enqueue($"{at.TotalSeconds:0.0} {change}");
        if (changes.Count > RememberedChanges)
        {
            changes.TryDequeue(out _);
        }
    }

    private IEnumerable<string> Disagreements()
    {
        foreach (var owner in _owners)
        {
            var shown = owner.Subscriptions.SelectMany(subscription => subscription.Presences)
                .ToLookup(entry => entry.Key);
            foreach (var presence in owner.Tracked)
            {
                var versions = shown[presence.Key].Select(entry => Presence.Version(entry.Meta)).ToList();
                if (versions is not [var version] || version < presence.Acknowledged)
                {
                    var numbers = string.Join(", ", versions);
                    yield return $"{presence.Key} is shown as [{numbers}], not {presence.Acknowledged}; "
                        + $"{presence.Handle}; {string.Join(", ", _changes.GetValueOrDefault(presence.Key, new()))}";
                }
            }
        }
    }

    private sealed record Owner(IReadOnlyList<Presence> Tracked, IReadOnlyList<ITopicSubscription> Subscriptions);

    private sealed class Presence(ITrackedPresence tracked)
    {
        private int _sent;

        public string Key => tracked.Key;

        public PresenceHandle Handle => tracked.Handle;

        public int Acknowledged { get; private set; }

        public static PresenceMeta Meta(int version) => PresenceMeta.Parse($$"""{"version":{{version}}}""");

        public static int Version(PresenceMeta meta) =>
            JsonDocument.Parse(meta.Utf8).RootElement.GetProperty("version").GetInt32();

        public async Task UpdateAsync()
        {
            var version = ++_sent;
            try
            {
                await tracked.UpdateAsync(Meta(version));
                Acknowledged = Math.Max(Acknowledged, version);
            }
            catch (Exception e) when (e is TimeoutException or Orleans.Runtime.OrleansException)
            {
                // Not acknowledged because of a fault: both outcomes are right.
            }
        }
    }
}
