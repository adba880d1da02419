using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Metadata;
using Orleans.Runtime;
using Presence.Node;
using Presence.Tracker;
using Presence.Tracker.Wire;

namespace Presence.Grains.Client;

/// <summary>See <see cref="IPresenceClient"/>. <see cref="ClientRenewals"/> keeps what was begun here.</summary>
internal sealed class PresenceClient :
    IPresenceClient,
    ILifecycleParticipant<IClusterClientLifecycle>,
    ILifecycleParticipant<ISiloLifecycle>,
    IDisposable
{
    /// <summary>Maximum number of presences that are tracked by one call to a silo.</summary>
    private const int MaxPerCall = 1000;

    /// <summary>
    /// Maximum size in bytes of the metadata that are tracked by one call, unless one presence has more. Orleans keeps
    /// a message in memory several times.
    /// </summary>
    private const int MaxBytesPerCall = 1024 * 1024;

    /// <summary>Number of keys on a page of a list.</summary>
    private const int PageSize = 2000;

    /// <summary>Time for which a silo waits for the others when it ends the presences of a key.</summary>
    private static readonly TimeSpan EvictionTimeout = TimeSpan.FromSeconds(10);

    private static readonly GrainType s_topicType = GrainType.Create("presence-topic");

    private readonly Lazy<IClusterClient> _grains;
    private readonly Lazy<GrainReferences<ITopicPresenceGrain>> _topics;
    private readonly Lazy<GrainReferences<IPresenceSiloGrain>> _silos;
    private readonly Lazy<IClusterManifestProvider> _manifests;
    private readonly ClientRenewals _renewals;
    private readonly CancellationTokenSource _stop = new();

    public PresenceClient(
        IServiceProvider services,
        IOptions<PresenceClientOptions> options,
        ILogger<PresenceClient> logger,
        ClientInstruments instruments,
        TimeProvider? time = null)
    {
        // Resolved on first use: the cluster client itself waits for the participants of its lifecycle.
        _grains = new(services.GetRequiredService<IClusterClient>);
        _topics = new(() => new(Grains));
        _silos = new(() => new(Grains));
        _manifests = new(services.GetRequiredService<IClusterManifestProvider>);
        (Options, Logger, Instruments) = (options.Value, logger, instruments);
        Time = time ?? TimeProvider.System;
        _renewals = new ClientRenewals(this);
    }

    public IClusterClient Grains => _grains.Value;

    public PresenceClientOptions Options { get; }

    public ClientInstruments Instruments { get; }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    /// <summary>Gets a token that is canceled when the client stops.</summary>
    public CancellationToken Stopping => _stop.Token;

    /// <summary>
    /// Returns a new id of a lease or subscription. Each has its own, so that none delays or ends another.
    /// </summary>
    public static string NewId() => Guid.NewGuid().ToString("N");

    public async Task<ITrackedPresence> TrackAsync(
        string topic, string key, PresenceMeta meta = default, CancellationToken cancellation = default)
    {
        var presence = Create(new(topic, key, meta));
        await presence.BeginAsync(null, cancellation);
        _renewals.Add(presence);
        return presence;
    }

    public async Task<IReadOnlyList<ITrackedPresence>> TrackManyAsync(
        IReadOnlyList<TrackRequest> requests, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        TrackRequest[] all = [.. requests];
        var tracked = Array.ConvertAll(all, Create);
        try
        {
            for (int first = 0, next; first < all.Length; first = next)
            {
                next = EndOfCall(all, first);
                await TrackTogetherAsync(all[first..next], tracked[first..next], cancellation);
            }

            return tracked;
        }
        catch
        {
            await Task.WhenAll(tracked.Select(presence => presence.DisposeAsync().AsTask()));
            throw;
        }
    }

    public Task<ITopicSubscription> SubscribeAsync(
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        SubscriptionKind kind = SubscriptionKind.Observer,
        CancellationToken cancellation = default)
    {
        // Fails at once if the topic is invalid, or if no silo knows its grain.
        _ = Topic(topic);
        return kind switch
        {
            SubscriptionKind.Observer => BeginAsync(new ObserverReader(this, topic, handler), cancellation),
            SubscriptionKind.Stream => BeginAsync(new StreamReader(this, topic, handler), cancellation),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Use one of SubscriptionKind."),
        };
    }

    public Task<ITopicSubscription> SubscribeAsync(
        string topic,
        PresenceView view,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(view);
        view.Check();
        _ = Topic(topic);
        return BeginAsync(
            new ObserverReader(this, topic, handler, view.IsWhole ? null : view), cancellation);
    }

    public async IAsyncEnumerable<PresenceEntry> ListAsync(
        string topic, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        string? after = null;
        do
        {
            var page = await PageAsync(topic, after, PageSize, cancellation);
            foreach (var presence in page.Presences)
            {
                yield return presence;
            }

            after = page.Next;
        }
        while (after is not null);
    }

    public Task<TopicList> PageAsync(
        string topic, string? after, int limit, CancellationToken cancellation = default) =>
        CallAsync(Topic(topic).Page(after, limit), cancellation);

    public Task<IReadOnlyList<PresenceEntry>> GetByKeyAsync(
        string topic, string key, CancellationToken cancellation = default)
    {
        RequireKey(key);
        return CallAsync(Topic(topic).GetByKey(key), cancellation);
    }

    public Task<int> CountAsync(string topic, CancellationToken cancellation = default) =>
        CallAsync(Topic(topic).Count(), cancellation);

    public Task<int> KeyCountAsync(string topic, CancellationToken cancellation = default) =>
        CallAsync(Topic(topic).KeyCount(), cancellation);

    public Task<IReadOnlyList<string>> TopicsOfAsync(string key, CancellationToken cancellation = default)
    {
        RequireKey(key);
        return CallAsync(AnyTopic(key).TopicsOf(key), cancellation);
    }

    public Task<int> EvictAsync(string topic, string key, CancellationToken cancellation = default)
    {
        RequireKey(key);
        return EvictAsync(Topic(topic).Evict(key), cancellation);
    }

    public Task<int> EvictKeyAsync(string key, CancellationToken cancellation = default)
    {
        RequireKey(key);
        return EvictAsync(AnyTopic(key).EvictKey(key), cancellation);
    }

    public Task<SendToKeyResult> SendAsync(
        string topic, string key, SessionMessage message, CancellationToken cancellation = default)
    {
        RequireKey(key);
        RequireSize(message);
        return CallAsync(Topic(topic).Send(key, message.Name, message.Json), cancellation);
    }

    public Task<SendToKeyResult> SendToKeyAsync(
        string key, SessionMessage message, CancellationToken cancellation = default)
    {
        RequireKey(key);
        RequireSize(message);
        return CallAsync(AnyTopic(key).SendToKey(key, message.Name, message.Json), cancellation);
    }

    public Task<IReadOnlyList<NodeFreshness>> FreshnessAsync(
        string topic, CancellationToken cancellation = default) =>
        CallAsync(Topic(topic).Freshness(), cancellation);

    // Several registrations share this object and each disposes it; nothing waits on the source's handle.
    public void Dispose() => _stop.Cancel();

    public void Participate(IClusterClientLifecycle lifecycle) => Participate((ILifecycleObservable)lifecycle);

    public void Participate(ISiloLifecycle lifecycle) => Participate((ILifecycleObservable)lifecycle);

    public ITopicPresenceGrain Topic(string topic)
    {
        RequireTopic(topic);
        return AnyTopic(topic);
    }

    /// <summary>Returns the grain for a call that concerns no topic.</summary>
    /// <param name="key">Spreads the calls over the silos.</param>
    public ITopicPresenceGrain AnyTopic(string key)
    {
        try
        {
            return _topics.Value[key];
        }
        catch (ArgumentException e) when (!HasPresence())
        {
            throw NoPresence(e);
        }
    }

    public IPresenceSiloGrain SiloGrain(string silo) => _silos.Value[silo];

    /// <exception cref="TimeoutException">No answer within the call timeout.</exception>
    /// <exception cref="InvalidOperationException">No silo has presence.</exception>
    public Task<T> CallAsync<T>(Task<T> call, CancellationToken cancellation) =>
        CallAsync(call, Options.CallTimeout, cancellation);

    /// <summary>Waits for a call that begins leases or a subscription, and ends them if it fails.</summary>
    public async Task<T> BeginAsync<T>(Task<T> call, string[] ids, CancellationToken cancellation)
    {
        try
        {
            return await CallAsync(call, cancellation);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException or OrleansException)
        {
            // A silo may have executed the call, or still execute it.
            Array.ForEach(ids, Abandon);
            throw;
        }
    }

    /// <summary>Calls once more if a silo is unavailable: it may be the gateway and not the target.</summary>
    public async Task<T> RetryAsync<T>(Func<Task<T>> call, CancellationToken cancellation)
    {
        try
        {
            return await CallAsync(call(), cancellation);
        }
        catch (SiloUnavailableException)
        {
            return await CallAsync(call(), cancellation);
        }
    }

    /// <summary>Rejects metadata before it is sent that no silo would accept.</summary>
    /// <exception cref="PresenceLimitException">
    /// It is larger than <see cref="PresenceClientOptions.MaxMetaBytes"/>.
    /// </exception>
    public void RequireSize(PresenceMeta meta)
    {
        if (meta.Utf8.Length > Options.MaxMetaBytes)
        {
            throw new PresenceLimitException("metadata", meta.Utf8.Length, Options.MaxMetaBytes);
        }
    }

    /// <summary>Rejects a topic before it is sent that no silo would accept.</summary>
    /// <exception cref="PresenceLimitException">
    /// It is empty or longer than <see cref="PresenceClientOptions.MaxTopicBytes"/>.
    /// </exception>
    public void RequireTopic(string topic) => Require(topic, "topic", Options.MaxTopicBytes);

    /// <summary>Rejects a key before it is sent that no silo would accept.</summary>
    /// <exception cref="PresenceLimitException">
    /// It is empty or longer than <see cref="PresenceClientOptions.MaxKeyBytes"/>.
    /// </exception>
    public void RequireKey(string key) => Require(key, "key", Options.MaxKeyBytes);

    private static void Require(string text, string what, int max)
    {
        ArgumentNullException.ThrowIfNull(text, what);

        // Strict: as the key of a grain, invalid Unicode would reach the silo as another text.
        var size = StrictUtf8.SizeOf(text, what);
        if (size == 0 || size > max)
        {
            throw new PresenceLimitException(what, size, max);
        }
    }

    private void RequireSize(SessionMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.Json.Length > Options.MaxMessageBytes)
        {
            throw new ArgumentException(
                $"The message has {message.Json.Length} bytes; the limit is {Options.MaxMessageBytes} bytes "
                + $"(Presence:Client:{nameof(PresenceClientOptions.MaxMessageBytes)}).",
                nameof(message));
        }
    }

    /// <summary>Returns the end of the presences that are tracked by one call: at least one.</summary>
    private static int EndOfCall(TrackRequest[] requests, int first)
    {
        var next = first + 1;
        long bytes = requests[first].Meta.Length;
        while (next < requests.Length && next - first < MaxPerCall
            && (bytes += requests[next].Meta.Length) <= MaxBytesPerCall)
        {
            next++;
        }

        return next;
    }

    private async Task TrackTogetherAsync(
        TrackRequest[] requests, TrackedPresence[] presences, CancellationToken cancellation)
    {
        var began = Time.GetTimestamp();
        string[] leases = [.. requests.Select(_ => NewId())];
        var call = Topic(requests[0].Topic).TrackMany(requests, leases);
        foreach (var (presence, handle) in presences.Zip(await BeginAsync(call, leases, cancellation)))
        {
            presence.Begin(handle, began);
            _renewals.Add(presence);
        }
    }

    /// <summary>Waits for longer than for another call, because the silo queries the others.</summary>
    private Task<int> EvictAsync(Task<int> call, CancellationToken cancellation) =>
        CallAsync(call, EvictionTimeout + Options.CallTimeout, cancellation);

    private async Task<T> CallAsync<T>(Task<T> call, TimeSpan timeout, CancellationToken cancellation)
    {
        try
        {
            return await call.WaitAsync(timeout, Time, cancellation);
        }
        catch (OrleansException e) when (
            e is not (SiloUnavailableException or OrleansMessageRejectionException) && !HasPresence())
        {
            throw NoPresence(e);
        }
    }

    private static InvalidOperationException NoPresence(Exception e) =>
        new("No silo of the cluster has presence: call AddPresence when you configure the silos.", e);

    /// <summary>Returns whether a silo has the grain of topics, as far as this client knows.</summary>
    private bool HasPresence() =>
        _manifests.Value.Current.AllGrainManifests.Any(manifest => manifest.Grains.ContainsKey(s_topicType));

    private TrackedPresence Create(TrackRequest request)
    {
        var (topic, key, meta) = request;
        RequireTopic(topic);
        RequireKey(key);
        RequireSize(meta);
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        return new TrackedPresence(this, topic, key, meta);
    }

    public void Forget(TrackedPresence presence) => _renewals.Remove(presence);

    /// <summary>Ends a lease or subscription on all silos; see <see cref="AbandonedLeases"/>.</summary>
    public void Abandon(string id) => _renewals.Abandon(id);

    public void Forget(TopicReader reader) => _renewals.Remove(reader);

    private void Participate(ILifecycleObservable lifecycle) => lifecycle.Subscribe(
        nameof(PresenceClient),
        ServiceLifecycleStage.Active,
        _ => Task.CompletedTask,
        StopAsync);

    private async Task<ITopicSubscription> BeginAsync(TopicReader reader, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        _renewals.Add(reader);
        try
        {
            await reader.BeginAsync(cancellation);
            return reader;
        }
        catch
        {
            await reader.DisposeAsync();
            throw;
        }
    }

    private async Task StopAsync(CancellationToken cancellation)
    {
        await _stop.CancelAsync();
        await Task.WhenAll(
                [
                    _renewals.DisposeAsync().AsTask(),
                    .. _renewals.Readers.Select(r => r.DisposeAsync().AsTask()),
                    .. _renewals.Presences.Select(p => p.DisposeAsync().AsTask()),
                ])
            .WaitAsync(cancellation)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
