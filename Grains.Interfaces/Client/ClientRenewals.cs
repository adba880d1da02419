using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Presence.Grains.Client;

/// <summary>
/// Renews the leases and subscriptions of a client, detects lost silos and tracks lost presences again.
/// </summary>
/// <remarks>
/// Every <see cref="PresenceClientOptions.RenewalInterval"/>, or quarter of the shortest lease, each silo that keeps
/// something for this client is checked with one call, which waits for no other silo. Leases and subscriptions are
/// renewed after a third of their duration, and subscriptions also when the silo reports that it has cut some off.
/// Presences are tracked again in parallel, apart from the checks, so that neither a dead silo nor one presence delays
/// the others.
/// </remarks>
internal sealed partial class ClientRenewals(PresenceClient client) : IAsyncDisposable
{
    /// <summary>Maximum number of presences that are tracked again at the same time.</summary>
    private const int MaxRestoring = 100;

    /// <summary>
    /// A lease is renewed after a third of its duration, at the next check, and a call or two may fail.
    /// </summary>
    private const int RenewalsPerLease = 4;

    private static readonly TimeSpan MinPeriod = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// A call to a dead silo may wait for its timeout; the next one, on another path, learns of the death.
    /// </summary>
    private const int MaxChecksPerSilo = 6;

    /// <summary>
    /// Time after which positions are requested although none has changed. A silo takes topics that nobody requests
    /// for a minute for unfollowed, and queries the store of subscriptions.
    /// </summary>
    private static readonly TimeSpan MaxUnchecked = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<TrackedPresence, bool> _presences = new();
    private readonly ConcurrentDictionary<TopicReader, bool> _readers = new();
    private readonly ConcurrentDictionary<string, SiloState> _silos = new(StringComparer.Ordinal);
    private readonly AbandonedLeases _abandoned = new(
        leases => client.CallAsync(client.AnyTopic(leases[0]).EndLeases(leases), client.Stopping), client.Time);
    private readonly SemaphoreSlim _restoring = new(MaxRestoring, MaxRestoring);
    private readonly Lock _gate = new();
    private PeriodicTimer? _timer;
    private Task? _running;

    public ICollection<TrackedPresence> Presences => _presences.Keys;

    public ICollection<TopicReader> Readers => _readers.Keys;

    public void Add(TrackedPresence presence)
    {
        _presences.TryAdd(presence, true);
        Start(presence.Handle.LeaseDuration / RenewalsPerLease);
    }

    public void Add(TopicReader reader)
    {
        _readers.TryAdd(reader, true);
        Start();
    }

    /// <summary>Ends a lease or subscription wherever it is, or will be; see <see cref="AbandonedLeases"/>.</summary>
    public void Abandon(string id)
    {
        _abandoned.Add(id);
        Start();
    }

    public void Remove(TrackedPresence presence) => _presences.TryRemove(presence, out _);

    public void Remove(TopicReader reader) => _readers.TryRemove(reader, out _);

    /// <summary>Completes when the loop has ended after the client was stopped.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            return _running is null ? default : new(_running);
        }
    }

    /// <param name="period">The longest time between two checks; null: of the options.</param>
    private void Start(TimeSpan? period = null)
    {
        lock (_gate)
        {
            if (_running is null)
            {
                using (ExecutionContext.SuppressFlow())
                {
                    _timer = new PeriodicTimer(client.Options.RenewalInterval, client.Time);
                    _running = Task.Run(() => RunAsync(_timer));
                }
            }

            if (period is { } shorter && shorter < _timer!.Period && shorter >= MinPeriod
                && !client.Stopping.IsCancellationRequested)
            {
                _timer.Period = shorter;
            }
        }
    }

    private async Task RunAsync(PeriodicTimer timer)
    {
        using var ended = timer;
        try
        {
            while (await timer.WaitForNextTickAsync(client.Stopping))
            {
                Tick();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private void Tick()
    {
        _abandoned.Tick();

        // Enumerated once: Keys copies under all locks.
        var bySilo = new Dictionary<string, (List<TrackedPresence> Presences, List<TopicReader> Readers)>(
            StringComparer.Ordinal);
        foreach (var (presence, _) in _presences)
        {
            if (presence.Lost is { } lost)
            {
                Restore(presence, lost);
            }
            else
            {
                Of(presence.Handle.Silo).Presences.Add(presence);
            }
        }

        foreach (var (reader, _) in _readers)
        {
            if (reader.Silo is { } silo)
            {
                Of(silo).Readers.Add(reader);
            }
        }

        foreach (var (gone, _) in _silos)
        {
            if (!bySilo.ContainsKey(gone))
            {
                _silos.TryRemove(gone, out _);
            }
        }

        foreach (var (silo, (presences, readers)) in bySilo)
        {
            var state = _silos.GetOrAdd(silo, static (_, now) => new SiloState(now), client.Time.GetTimestamp());
            if (Volatile.Read(ref state.Checks) < MaxChecksPerSilo)
            {
                Interlocked.Increment(ref state.Checks);
                _ = CheckAsync(silo, state, [.. presences], [.. readers]);
            }
        }

        (List<TrackedPresence> Presences, List<TopicReader> Readers) Of(string silo)
        {
            ref var some = ref CollectionsMarshal.GetValueRefOrAddDefault(bySilo, silo, out var isKnown);
            return isKnown ? some : some = ([], []);
        }
    }

    private async Task CheckAsync(string silo, SiloState state, TrackedPresence[] presences, TopicReader[] readers)
    {
        var handles = Array.ConvertAll(presences, p => p.Handle);
        try
        {
            var grain = client.SiloGrain(silo);
            var streams = Array.FindAll(readers, r => r is StreamReader);
            var began = client.Time.GetTimestamp();
            var check = await CheckStreamsAsync(grain, state, streams, began);
            var leaseDuration = handles.Length == 0 ? TimeSpan.MaxValue : handles.Min(h => h.LeaseDuration);
            var observers = readers.OfType<ObserverReader>().ToArray();
            var timeout = observers.Length == 0 ? TimeSpan.MaxValue : observers.Min(r => r.SubscriptionTimeout);
            var isDue = client.Time.GetElapsedTime(state.Renewed, began) >= Min(leaseDuration, timeout) / 3;
            if (isDue && handles.Length > 0)
            {
                await RenewLeasesAsync(grain, began, presences, handles);
            }

            if ((isDue || check.CutOff != state.CutOff) && observers.Length > 0)
            {
                await RenewSubscriptionsAsync(grain, observers);
            }

            state.CutOff = check.CutOff;
            if (isDue)
            {
                state.Renewed = began;
            }
        }
        catch (Exception e) when (!client.Stopping.IsCancellationRequested)
        {
            // A dead silo has lost everything; of any other failure, leases and streams may survive.
            var isDead = e is SiloUnavailableException;
            LogNotChecked(client.Logger, silo, e);
            for (var i = 0; i < presences.Length; i++)
            {
                if (isDead || presences[i].HasExpired())
                {
                    Restore(presences[i], handles[i]);
                }
            }

            foreach (var reader in readers)
            {
                reader.OnSiloLost(silo);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
        finally
        {
            Interlocked.Decrement(ref state.Checks);
        }
    }

    private async Task<SiloCheck> CheckStreamsAsync(
        IPresenceSiloGrain grain, SiloState state, TopicReader[] streams, long began)
    {
        var topics = Array.ConvertAll(streams, r => r.Topic);
        var checkedBefore = state.Streams;
        if (topics.Length == 0
            || (checkedBefore.Version != 0
                && client.Time.GetElapsedTime(checkedBefore.At, began) < MaxUnchecked
                && topics.AsSpan().SequenceEqual(checkedBefore.Topics)))
        {
            var brief = await client.RetryAsync(() => grain.Check([]), client.Stopping);
            if (topics.Length == 0 || brief.Version == checkedBefore.Version)
            {
                return brief;
            }
        }

        var check = await client.RetryAsync(() => grain.Check(topics), client.Stopping);
        for (var i = 0; i < streams.Length; i++)
        {
            ((StreamReader)streams[i]).OnPosition(check.Positions[i]);
        }

        state.Streams = new(topics, check.Version, began);
        return check;
    }

    private async Task RenewLeasesAsync(
        IPresenceSiloGrain grain, long began, TrackedPresence[] presences, PresenceHandle[] handles)
    {
        var leases = Array.ConvertAll(handles, h => h.Lease);
        var expired = await client.RetryAsync(() => grain.RenewMany(leases), client.Stopping);
        var lost = expired.ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < presences.Length; i++)
        {
            if (lost.Contains(handles[i].Lease))
            {
                Restore(presences[i], handles[i]);
            }
            else
            {
                presences[i].Confirm(began);
            }
        }
    }

    private async Task RenewSubscriptionsAsync(IPresenceSiloGrain grain, ObserverReader[] readers)
    {
        var ids = Array.ConvertAll(readers, r => r.SubscriptionId);
        var ended = await client.CallAsync(grain.RenewSubscriptions(ids), client.Stopping);
        var lost = ended.ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < readers.Length; i++)
        {
            if (lost.Contains(ids[i]))
            {
                readers[i].OnSubscriptionEnded(ids[i]);
            }
        }
    }

    /// <summary>Tracks a presence again unless that is under way. After a failure the next tick does it.</summary>
    private void Restore(TrackedPresence presence, PresenceHandle lost)
    {
        lock (_gate)
        {
            if (presence.IsRestoring)
            {
                return;
            }

            // An update may have tracked it again meanwhile.
            var isLost = ReferenceEquals(presence.Handle, lost);
            (presence.IsRestoring, presence.Lost) = (isLost, isLost ? lost : null);
            if (!isLost)
            {
                return;
            }
        }

        _ = RestoreAsync(presence, lost);
    }

    private async Task RestoreAsync(TrackedPresence presence, PresenceHandle lost)
    {
        var isTracked = false;
        try
        {
            await _restoring.WaitAsync(client.Stopping);
            try
            {
                await presence.BeginAsync(lost, client.Stopping);
                isTracked = true;
                client.Instruments.TrackedAgain();
            }
            finally
            {
                _restoring.Release();
            }
        }
        catch (Exception e) when (!client.Stopping.IsCancellationRequested)
        {
            LogNotTracked(client.Logger, presence.Topic, e);
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
        finally
        {
            lock (_gate)
            {
                presence.Lost = isTracked ? null : lost;
                presence.IsRestoring = false;
            }
        }
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    [LoggerMessage(Level = LogLevel.Debug, Message = "Checking silo {Silo} failed; retrying.")]
    private static partial void LogNotChecked(ILogger logger, string silo, Exception error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Tracking a presence in topic {Topic} again failed; retrying.")]
    private static partial void LogNotTracked(ILogger logger, string topic, Exception error);

    /// <summary>What the checks of one silo remember.</summary>
    private sealed class SiloState(long now)
    {
        public int Checks;
        public long Renewed = now;
        public long CutOff = -1;
        public CheckedStreams Streams = new([], 0, now);
    }

    /// <summary>The streams whose positions were requested from a silo, and the silo's version at that time.</summary>
    private sealed record CheckedStreams(string[] Topics, long Version, long At);
}
