using Orleans;
using Orleans.Runtime;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>A presence of a client, under its current lease.</summary>
internal sealed class TrackedPresence(PresenceClient client, string topic, string key, PresenceMeta meta)
    : ITrackedPresence
{
    // Serializes changes, so that an update cannot overtake a new lease.
    private readonly SemaphoreSlim _gate = new(1, 1);
    private volatile PresenceHandle? _handle;
    private PresenceMeta _meta = meta;
    private long _renewed;
    private bool _disposed;

    public string Topic => topic;

    public string Key => key;

    public PresenceMeta Meta => _meta;

    public PresenceHandle Handle => _handle!;

    /// <summary>Gets or sets the handle whose lease is lost, until the presence is tracked again.</summary>
    public PresenceHandle? Lost { get; set; }

    /// <summary>Gets or sets whether a task is tracking the presence again.</summary>
    public bool IsRestoring { get; set; }

    /// <summary>Records the start of a successful renewal.</summary>
    public void Confirm(long now) => Volatile.Write(ref _renewed, now);

    /// <summary>Returns whether the lease has certainly expired, on whatever silo it is.</summary>
    public bool HasExpired() => client.Time.GetElapsedTime(Volatile.Read(ref _renewed)) > Handle.LeaseDuration;

    /// <summary>Uses the first lease. Called once, before anything else.</summary>
    public void Begin(PresenceHandle handle, long began)
    {
        _handle = handle;
        Confirm(began);
    }

    /// <summary>Tracks under a new lease if the presence still has the lost one.</summary>
    public async Task BeginAsync(PresenceHandle? lost, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            if (!_disposed && ReferenceEquals(_handle, lost))
            {
                await TrackAsync(cancellation);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task UpdateAsync(PresenceMeta meta, CancellationToken cancellation = default)
    {
        client.RequireSize(meta);
        await _gate.WaitAsync(cancellation);
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var before = _meta;
            try
            {
                _handle = await client.RetryAsync(() => client.Topic(topic).Update(Handle, meta), cancellation);
                _meta = meta;
            }
            catch (Exception e) when (e is NotTrackedException or SiloUnavailableException)
            {
                _meta = meta;
                try
                {
                    await TrackAsync(cancellation);
                }
                catch
                {
                    _meta = before;
                    throw;
                }
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _gate.WaitAsync();
        try
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            client.Forget(this);
            if (_handle is { } handle)
            {
                await EndAsync(handle);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task TrackAsync(CancellationToken cancellation)
    {
        var old = _handle;
        var began = client.Time.GetTimestamp();
        var (grain, lease) = (client.Topic(topic), PresenceClient.NewId());
        var call = old?.Token is null ? grain.Track(key, _meta, lease) : grain.Resume(old, _meta, lease);
        _handle = await client.BeginAsync(call, [lease], cancellation);
        Confirm(began);
        if (old is not null)
        {
            // Not awaited: the old silo may be dead, and then its lease has ended with it.
            _ = EndAsync(old);
        }
    }

    /// <summary>Ends a lease. On failure that is tried again until the lease has expired.</summary>
    private async Task EndAsync(PresenceHandle handle)
    {
        try
        {
            await client.CallAsync(client.SiloGrain(handle.Silo).End(handle.Lease), default);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            client.Abandon(handle.Lease);
        }
    }
}
