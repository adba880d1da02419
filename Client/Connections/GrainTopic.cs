using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;
using Presence.Tracker;

namespace Presence.CommandLine.Connections;

/// <summary>A topic through grains, with the metadata of a node's socket.</summary>
internal sealed class GrainTopic : ITopicClient
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly IHost _host;
    private readonly string _topic;
    private IAsyncDisposable? _subscription;

    private GrainTopic(IHost host, string topic) => (_host, _topic) = (host, topic);

    public Task<string> Ended { get; } = new TaskCompletionSource<string>().Task;
    private IPresenceClient Client => _host.Services.GetRequiredService<IPresenceClient>();

    /// <exception cref="PhoenixException">No gateway can be reached.</exception>
    public static async Task<GrainTopic> OpenAsync(SiloAccess access, string topic, CancellationToken stop)
    {
        await RequireGatewayAsync(access, stop);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        // The errors of calls include what Orleans would log about connections.
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client
            .UseStaticClustering([.. access.Gateways])
            .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (access.ClusterId, access.ServiceId))
            .AddPresence());
        var host = builder.Build();
        try
        {
            await host.StartAsync(stop).WaitAsync(ConnectTimeout, stop);
            return new GrainTopic(host, topic);
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            host.Dispose();
            var gateways = string.Join(", ", access.Gateways);
            throw new PhoenixException(
                $"the silos at {gateways} rejected this client: {e.GetBaseException().Message}", e);
        }
    }

    public async Task<IReadOnlyList<PresenceEvent>> ListAsync(string? key, CancellationToken stop)
    {
        var grain = _host.Services.GetRequiredService<IGrainFactory>().GetGrain<ITopicPresenceGrain>(_topic);
        return Present(key is null ? (await grain.List()).Presences : await grain.GetByKey(key));
    }

    public async Task WatchAsync(Action<PresenceEvent> changed, CancellationToken stop)
    {
        var isFirst = true;
        _subscription = await Client.SubscribeAsync(
            _topic,
            changes =>
            {
                // The first batch contains the present entries.
                var isSnapshot = Interlocked.Exchange(ref isFirst, false)
                    && changes.All(c => c.Kind == PresenceChangeKind.Joined);
                var events = isSnapshot ? Present([.. changes.Select(c => c.Entry)]) : changes.Select(c =>
                    new PresenceEvent(ToEvent(c.Kind), c.Entry.Key, [Meta(c.Entry)]));
                foreach (var e in events)
                {
                    changed(e);
                }

                return default;
            },
            cancellation: stop);
        Volatile.Write(ref isFirst, false);
    }

    public async Task<string?> TrackAsync(string key, JsonElement meta, CancellationToken stop)
    {
        var tracked = await Client.TrackAsync(_topic, key, PresenceMeta.Parse(meta.GetRawText()), stop);
        _subscription = tracked;
        return tracked.Handle.Ref;
    }

    public async ValueTask DisposeAsync()
    {
        if (_subscription is not null)
        {
            await _subscription.DisposeAsync();
        }

        using var timeout = new CancellationTokenSource(ConnectTimeout);
        await _host.StopAsync(timeout.Token);
        _host.Dispose();
    }

    private static List<PresenceEvent> Present(IReadOnlyList<PresenceEntry> entries) =>
    [
        .. from entry in entries
           group Meta(entry) by entry.Key into byKey
           orderby byKey.Key
           select new PresenceEvent(PresenceEventKind.Present, byKey.Key, [.. byKey]),
    ];

    private static PresenceEventKind ToEvent(PresenceChangeKind kind) => kind switch
    {
        PresenceChangeKind.Joined => PresenceEventKind.Joined,
        PresenceChangeKind.Updated => PresenceEventKind.Updated,
        _ => PresenceEventKind.Left,
    };

    /// <summary>Returns the metadata with the refs that a socket adds.</summary>
    private static JsonElement Meta(PresenceEntry presence)
    {
        var meta = (JsonObject)JsonNode.Parse(presence.Meta.Utf8.Span)!;
        meta["phx_ref"] = presence.Ref;
        if (presence.PreviousRef is { } previous)
        {
            meta["phx_ref_prev"] = previous;
        }

        return JsonSerializer.SerializeToElement(meta);
    }

    /// <summary>Checks that a gateway accepts connections: the Orleans client itself would retry for ever.</summary>
    private static async Task RequireGatewayAsync(SiloAccess access, CancellationToken stop)
    {
        foreach (var gateway in access.Gateways)
        {
            try
            {
                using var tcp = new TcpClient();
                await tcp.ConnectAsync(gateway, stop);
                return;
            }
            catch (SocketException)
            {
                // Try the next gateway.
            }
        }

        throw new PhoenixException(
            $"no silo's gateway answers at {string.Join(", ", access.Gateways)}; name one with --gateway.");
    }
}
