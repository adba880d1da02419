namespace Presence.Channels;

/// <summary>When the next message leaves: at once after a quiet time, then at intervals that grow with what a message costs.</summary>
internal sealed partial class PresenceFeed
{
    /// <summary>What it takes to give one client one frame, and to bring it one byte, all told, with both ends on one machine.</summary>
    private static readonly TimeSpan PerFrame = TimeSpan.FromMicroseconds(20);

    private const double SecondsPerByte = 4e-9;

    private ITimer? _timer;
    private bool _scheduled = true;
    private bool _wanted;
    private bool _disposed;
    private long _lastMessage;
    private TimeSpan _window;
    private double _cost;

    /// <summary>One message.</summary>
    public void Execute()
    {
        var run = RunAsync();
        _ = server.Activity?.WatchAsync(run);
    }

    private async Task RunAsync()
    {
        lock (_pendingGate)
        {
            _wanted = false;
        }

        _cost = 0;
        try
        {
            await TellAsync();
        }
        catch (Exception e)
        {
            server.Log.FeedCrashed(e, topic);
        }

        lock (_pendingGate)
        {
            // Counted from the end: where telling takes long, messages become fewer.
            _lastMessage = server.Time.GetTimestamp();
            _window = Window(server.Limits, _cost);
            _scheduled = false;
            if (_wanted)
            {
                Schedule();
            }
        }
    }

    /// <summary>The time until the next message: never less than the one before takes to reach everybody.</summary>
    internal static TimeSpan Window(ChannelLimits limits, double cost)
    {
        if (limits.DiffWindow == TimeSpan.Zero)
        {
            return TimeSpan.Zero;
        }

        var taken = TimeSpan.FromSeconds(Math.Min(cost, limits.MaxDiffWindow.TotalSeconds));
        return taken > limits.DiffWindow ? taken : limits.DiffWindow;
    }

    private void Told(int clients, int bytes) =>
        _cost += clients * (PerFrame.TotalSeconds + (bytes * SecondsPerByte));

    private void Open()
    {
        lock (_pendingGate)
        {
            _scheduled = false;
            if (_wanted)
            {
                Schedule();
            }
        }
    }

    private void Want()
    {
        lock (_pendingGate)
        {
            _wanted = true;
            Schedule();
        }
    }

    private void Stop()
    {
        lock (_pendingGate)
        {
            _disposed = true;
            _timer?.Dispose();
        }
    }

    private void Schedule()
    {
        if (_scheduled || _disposed)
        {
            return;
        }

        _scheduled = true;
        var wait = _lastMessage == 0 ? TimeSpan.Zero : _window - server.Time.GetElapsedTime(_lastMessage);
        if (wait <= TimeSpan.Zero)
        {
            Begin();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }

        _timer?.Dispose();
        _timer = server.Time.CreateTimer(static self => ((PresenceFeed)self!).Due(), this, wait, Timeout.InfiniteTimeSpan);
    }

    private void Due()
    {
        Begin();
        Execute();
    }

    private void Begin() => server.Activity?.Began();
}
