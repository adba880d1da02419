using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Runtime;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>See <see cref="IPresenceClient"/>.</summary>
/// <remarks>
/// One loop renews all leases, with one call per silo. A lease that is over is begun anew at once; one whose silo does not
/// answer is, as soon as it must have run out there too, so that nobody is present twice for longer than a moment.
/// </remarks>
internal sealed partial class PresenceClient :
    IPresenceClient,
    ILifecycleParticipant<IClusterClientLifecycle>,
    ILifecycleParticipant<ISiloLifecycle>,
    IDisposable
{
    private readonly string _id = Guid.NewGuid().ToString("N");
    private readonly Lazy<IClusterClient> _grains;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<TrackedPresence, bool> _presences = new();
    private readonly ConcurrentDictionary<TopicReader, bool> _readers = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private Task? _renewing;
    private long _leases;

    public PresenceClient(
        IServiceProvider services,
        IOptions<PresenceClientOptions> options,
        ILogger<PresenceClient> logger,
        ClientInstruments instruments,
        TimeProvider? time = null)
    {
        // Not before it is used: the cluster client itself waits for those who take part in its lifecycle.
        _grains = new(services.GetRequiredService<IClusterClient>);
        Options = options.Value;
        Options.Validate();
        _logger = logger;
        Instruments = instruments;
        _time = time ?? TimeProvider.System;
    }

    public IClusterClient Grains => _grains.Value;

    public PresenceClientOptions Options { get; }

    public ClientInstruments Instruments { get; }

    public TimeProvider Time => _time;

    public ILogger Logger => _logger;

    public long Now => _time.GetTimestamp();

    public async Task<ITrackedPresence> TrackAsync(
        string topic, string key, PresenceMeta meta = default, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(key);
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        var presence = new TrackedPresence(this, topic, key, meta);
        await presence.BeginAsync(null, cancellation);
        _presences.TryAdd(presence, true);
        KeepRenewing();
        return presence;
    }

    public Task<ITopicWatch> WatchAsync(
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        CancellationToken cancellation = default) =>
        BeginAsync(new ObserverReader(this, topic, handler), cancellation);

    public Task<ITopicWatch> FollowAsync(
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        CancellationToken cancellation = default) =>
        BeginAsync(new StreamReader(this, topic, handler), cancellation);

    public void Dispose()
    {
        // Several registrations share this object, and each disposes of it; nothing waits on the source's handle.
        _stop.Cancel();
    }

    public void Participate(IClusterClientLifecycle lifecycle) => Participate((ILifecycleObservable)lifecycle);

    public void Participate(ISiloLifecycle lifecycle) => Participate((ILifecycleObservable)lifecycle);

    public IPresenceLeaseGrain Leases(string silo) => Grains.GetGrain<IPresenceLeaseGrain>(silo);

    /// <summary>A lease of its own for each presence: none can hold up or end another.</summary>
    public string NextLease() =>
        string.Create(CultureInfo.InvariantCulture, $"{_id}-{Interlocked.Increment(ref _leases)}");

    public Task<T> CallAsync<T>(Task<T> call, CancellationToken cancellation) =>
        call.WaitAsync(Options.CallTimeout, _time, cancellation);

    public void Forget(TrackedPresence presence) => _presences.TryRemove(presence, out _);

    public void Forget(TopicReader reader) => _readers.TryRemove(reader, out _);

    private void Participate(ILifecycleObservable lifecycle) => lifecycle.Subscribe(
        nameof(PresenceClient),
        ServiceLifecycleStage.Active,
        _ => Task.CompletedTask,
        StopAsync);

    private async Task<ITopicWatch> BeginAsync(TopicReader reader, CancellationToken cancellation)
    {
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        _readers.TryAdd(reader, true);
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
        Task? renewing;
        lock (_gate)
        {
            renewing = _renewing;
        }

        await Task.WhenAll(
                [
                    renewing ?? Task.CompletedTask,
                    .. _readers.Keys.Select(r => r.DisposeAsync().AsTask()),
                    .. _presences.Keys.Select(p => p.DisposeAsync().AsTask()),
                ])
            .WaitAsync(cancellation)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void KeepRenewing()
    {
        lock (_gate)
        {
            if (_renewing is null)
            {
                using (ExecutionContext.SuppressFlow())
                {
                    _renewing = Task.Run(RenewAsync);
                }
            }
        }
    }

    private async Task RenewAsync()
    {
        using var timer = new PeriodicTimer(Options.CheckPeriod, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                await Task.WhenAll(_presences.Keys.GroupBy(p => p.Handle.Silo).Select(g => RenewAsync(g.Key, [.. g])));
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task RenewAsync(string silo, TrackedPresence[] presences)
    {
        var handles = presences.Select(p => p.Handle).ToArray();
        var began = Now;
        try
        {
            var over = await CallAsync(Leases(silo).RenewMany([.. handles.Select(h => h.Lease)]), _stop.Token);
            for (var i = 0; i < presences.Length; i++)
            {
                if (over.Contains(handles[i].Lease))
                {
                    await AgainAsync(presences[i], handles[i]);
                }
                else
                {
                    presences[i].Confirm(began);
                }
            }
        }
        catch (SiloUnavailableException)
        {
            foreach (var (presence, handle) in presences.Zip(handles))
            {
                await AgainAsync(presence, handle);
            }
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            LogNotRenewed(_logger, silo, e);
            foreach (var (presence, handle) in presences.Zip(handles))
            {
                if (_time.GetElapsedTime(presence.Renewed) > handle.LeaseDuration)
                {
                    await AgainAsync(presence, handle);
                }
            }
        }
    }

    private async Task AgainAsync(TrackedPresence presence, PresenceHandle lost)
    {
        try
        {
            await presence.BeginAsync(lost, _stop.Token);
            Instruments.TrackedAgain();
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            LogNotTracked(_logger, e);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The leases on silo {Silo} could not be renewed; trying again.")]
    private static partial void LogNotRenewed(ILogger logger, string silo, Exception error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A presence that was lost could not be tracked again yet.")]
    private static partial void LogNotTracked(ILogger logger, Exception error);
}
