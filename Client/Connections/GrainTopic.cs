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

namespace Presence.CommandLine;

/// <summary>A topic through grains, with the metadata that a node's socket gives.</summary>
internal sealed class GrainTopic : ITopicClient
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    private readonly IHost _host;
    private readonly string _topic;
    private IAsyncDisposable? _begun;

    private GrainTopic(IHost host, string topic) => (_host, _topic) = (host, topic);

    public Task<string> Ended { get; } = new TaskCompletionSource<string>().Task;

    private IPresenceClient Client => _host.Services.GetRequiredService<IPresenceClient>();

    /// <exception cref="PhoenixException">No gateway can be reached.</exception>
    public static async Task<GrainTopic> OpenAsync(SiloAccess access, string topic, CancellationToken stop)
    {
        await RequireGatewayAsync(access, stop);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        // What Orleans has to say about a connection is said by the errors of the calls.
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
            throw new PhoenixException(
                $"the silos at {string.Join(", ", access.Gateways)} did not take this client: {e.GetBaseException().Message}", e);
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
        _begun = await Client.WatchAsync(
            _topic,
            changes =>
            {
                // The first batch is everybody who is there already.
                var arePresent = Interlocked.Exchange(ref isFirst, false) && changes.All(c => c.Kind == PresenceChangeKind.Joined);
                var events = arePresent ? Present([.. changes.Select(c => c.Entry)]) : changes.Select(c =>
                    new PresenceEvent(ToEvent(c.Kind), c.Entry.Key, [Meta(c.Entry)]));
                foreach (var e in events)
                {
                    changed(e);
                }

                return default;
            },
            stop);
        Volatile.Write(ref isFirst, false);
    }

    public async Task<string?> TrackAsync(string key, JsonElement meta, CancellationToken stop)
    {
        var tracked = await Client.TrackAsync(_topic, key, PresenceMeta.Parse(meta.GetRawText()), stop);
        _begun = tracked;
        return tracked.Handle.Ref;
    }

    public async ValueTask DisposeAsync()
    {
        if (_begun is not null)
        {
            await _begun.DisposeAsync();
        }

        using var patience = new CancellationTokenSource(ConnectTimeout);
        await _host.StopAsync(patience.Token);
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

    /// <summary>Returns the metadata with the references that a socket adds.</summary>
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

    /// <summary>Looks for one gateway that listens: the Orleans client itself would try for ever.</summary>
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
                // The next one may.
            }
        }

        throw new PhoenixException($"no silo's gateway answers at {string.Join(", ", access.Gateways)}; name one with --gateway.");
    }
}
