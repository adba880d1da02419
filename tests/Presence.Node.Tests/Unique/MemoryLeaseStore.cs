namespace Presence.Node.Tests.Unique;

/// <summary>An in-memory lease store that can be made unreachable for some holders.</summary>
internal sealed class MemoryLeaseStore(TimeProvider time) : ILeaseStore
{
    private readonly Lock _gate = new();
    private readonly List<Action> _watchers = [];
    private string? _holder;
    private long _epoch;
    private long _granted;
    private TimeSpan _duration;
    private byte[] _state = [];

    /// <summary>Whether a holder can reach the store.</summary>
    public Func<string, bool> Reaches { get; set; } = _ => true;

    /// <summary>Every granted epoch with its holder.</summary>
    public List<(long Epoch, string Holder)> Given { get; } = [];

    public int Renewals { get; private set; }

    public TimeSpan Remaining
    {
        get
        {
            lock (_gate)
            {
                return _holder is null ? TimeSpan.Zero : _duration - time.GetElapsedTime(_granted);
            }
        }
    }

    public ValueTask<LeaseResult> AcquireAsync(
        string name, string holder, TimeSpan duration, CancellationToken cancellation)
    {
        Check(holder);
        lock (_gate)
        {
            if (_holder == holder && Remaining > TimeSpan.Zero)
            {
                return Grant(duration, []);
            }

            if (_holder is not null && Remaining > TimeSpan.Zero)
            {
                return ValueTask.FromResult(new LeaseResult(false, _epoch, _holder, Remaining));
            }

            var state = _state;
            (_holder, _state) = (holder, []);
            _epoch++;
            Given.Add((_epoch, holder));
            return Grant(duration, state);
        }
    }

    public ValueTask<LeaseResult> RenewAsync(
        string name, string holder, long epoch, TimeSpan duration, CancellationToken cancellation)
    {
        Check(holder);
        lock (_gate)
        {
            Renewals++;
            return _holder == holder && _epoch == epoch && Remaining > TimeSpan.Zero
                ? Grant(duration, [])
                : ValueTask.FromResult(new LeaseResult(false, _epoch, _holder, Remaining));
        }
    }

    public ValueTask<bool> ReleaseAsync(
        string name, string holder, long epoch, ReadOnlyMemory<byte> state, CancellationToken cancellation)
    {
        Check(holder);
        lock (_gate)
        {
            if (_holder != holder || _epoch != epoch)
            {
                return ValueTask.FromResult(false);
            }

            (_holder, _state) = (null, state.ToArray());
        }

        foreach (var watcher in _watchers.ToArray())
        {
            watcher();
        }

        return ValueTask.FromResult(true);
    }

    public IDisposable OnReleased(string name, Action onReleased)
    {
        _watchers.Add(onReleased);
        return new Unwatch(() => _watchers.Remove(onReleased));
    }

    private ValueTask<LeaseResult> Grant(TimeSpan duration, byte[] state)
    {
        (_granted, _duration) = (time.GetTimestamp(), duration);
        return ValueTask.FromResult(new LeaseResult(true, _epoch, _holder, duration, state));
    }

    private void Check(string holder)
    {
        if (!Reaches(holder))
        {
            throw new IOException("The store cannot be reached.");
        }
    }

    private sealed class Unwatch(Action action) : IDisposable
    {
        public void Dispose() => action();
    }
}
