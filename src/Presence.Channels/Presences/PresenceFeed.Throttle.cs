namespace Presence.Channels.Presences;

/// <summary>Sends at once after a quiet time, then at intervals that grow with the cost of a message.</summary>
internal sealed partial class PresenceFeed
{
    // Measured total cost of one frame, and of one byte, to one client, with both ends on one machine.
    private static readonly TimeSpan PerFrame = TimeSpan.FromMicroseconds(20);

    private const double SecondsPerByte = 4e-9;

    private ITimer? _timer;
    private bool _isScheduled = true;
    private bool _sendRequested;
    private bool _disposed;
    private long _lastMessage;
    private TimeSpan _interval;
    private double _cost;

    public void Execute()
    {
        var run = RunAsync();
        _ = server.Activity?.WatchAsync(run);
    }

    private async Task RunAsync()
    {
        lock (_pendingGate)
        {
            _sendRequested = false;
        }

        _cost = 0;
        try
        {
            await SendAsync();
        }
        catch (Exception e)
        {
            server.Log.FeedFailed(e, topic);
        }

        lock (_pendingGate)
        {
            // Measured from the end: where sending takes long, messages become fewer.
            _lastMessage = server.Time.GetTimestamp();
            _interval = Interval(server.Limits, _cost);
            if (_isCounting && _interval < _adaptive!.Every)
            {
                _interval = _adaptive.Every;
            }

            Open();
        }
    }

    /// <summary>Returns the time until the next message: at least the cost of the last one.</summary>
    internal static TimeSpan Interval(ChannelLimits limits, double cost)
    {
        var sendTime = TimeSpan.FromSeconds(Math.Min(cost, limits.MaxDiffInterval.TotalSeconds));
        return limits.DiffInterval == TimeSpan.Zero || sendTime < limits.DiffInterval ? limits.DiffInterval : sendTime;
    }

    private void Sent(int clients, int bytes) => _cost += clients * (PerFrame.TotalSeconds + (bytes * SecondsPerByte));

    private void Open()
    {
        lock (_pendingGate)
        {
            _isScheduled = false;
            if (_sendRequested)
            {
                Schedule();
            }
        }
    }

    private void RequestSend()
    {
        lock (_pendingGate)
        {
            _sendRequested = true;
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
        if (_isScheduled || _disposed)
        {
            return;
        }

        _isScheduled = true;
        var wait = _lastMessage == 0 ? TimeSpan.Zero : _interval - server.Time.GetElapsedTime(_lastMessage);
        if (wait <= TimeSpan.Zero)
        {
            Begin();
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            return;
        }

        _timer?.Dispose();
        _timer = server.Time.CreateTimer(
            static feed => ((PresenceFeed)feed!).Due(), this, wait, Timeout.InfiniteTimeSpan);
    }

    private void Due()
    {
        Begin();
        Execute();
    }

    private void Begin() => server.Activity?.Began();
}
