using Orleans;
using Orleans.Runtime;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>One presence of a client, in whichever lease it lives by now.</summary>
internal sealed class TrackedPresence(PresenceClient client, string topic, string key, PresenceMeta meta)
    : ITrackedPresence
{
    // One change at a time: an update must not overtake a new beginning.
    private readonly SemaphoreSlim _turn = new(1, 1);
    private volatile PresenceHandle? _handle;
    private PresenceMeta _meta = meta;
    private bool _disposed;

    public string Topic => topic;

    public string Key => key;

    public PresenceMeta Meta => _meta;

    public PresenceHandle Handle => _handle!;

    /// <summary>When the silo last said that the lease goes on.</summary>
    public long Renewed { get; private set; }

    public void Confirm(long now) => Renewed = now;

    /// <summary>Tracks under a new lease. An old one that may still live is ended as well as that can be done.</summary>
    public async Task BeginAsync(PresenceHandle? lost, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            if (!_disposed && ReferenceEquals(_handle, lost))
            {
                await TrackAsync(cancellation);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public async Task UpdateAsync(PresenceMeta meta)
    {
        await _turn.WaitAsync();
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var before = _meta;
            try
            {
                _handle = await client.CallAsync(client.Grains.GetGrain<ITopicPresenceGrain>(topic).Update(Handle, meta), default);
                _meta = meta;
            }
            catch (Exception e) when (e is NotTrackedException or SiloUnavailableException)
            {
                _meta = meta;
                try
                {
                    await TrackAsync(default);
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
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
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
            _turn.Release();
        }
    }

    private async Task TrackAsync(CancellationToken cancellation)
    {
        var old = _handle;
        var began = client.Now;
        var handle = await client.CallAsync(
            client.Grains.GetGrain<ITopicPresenceGrain>(topic).Track(key, _meta, client.NextLease()),
            cancellation);
        _handle = handle;
        Confirm(began);
        if (old is not null)
        {
            await EndAsync(old);
        }
    }

    /// <summary>If this fails the silo is gone, or the lease runs out by itself.</summary>
    private async Task EndAsync(PresenceHandle handle) =>
        await ((Task)client.CallAsync(client.Leases(handle.Silo).End(handle.Lease), default))
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
