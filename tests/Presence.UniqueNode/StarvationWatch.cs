namespace Presence.UniqueNode;

/// <summary>
/// Reports times in which the machine gave this process no CPU time, an unintended pause. Runs on its own thread, so
/// that a busy thread pool does not count.
/// </summary>
internal sealed class StarvationWatch : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Worth = TimeSpan.FromMilliseconds(300);

    // The slim version spins before it waits.
    private readonly ManualResetEvent _stop = new(initialState: false);
    private readonly Thread _thread;

    public StarvationWatch(Report report)
    {
        _thread = new Thread(() => Watch(report)) { IsBackground = true, Name = "starvation" };
        _thread.Start();
    }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
    }

    private void Watch(Report report)
    {
        var before = Stopwatch.GetTimestamp();
        while (!_stop.WaitOne(Beat))
        {
            var now = Stopwatch.GetTimestamp();
            if (Stopwatch.GetElapsedTime(before, now) is var beat && beat > Worth)
            {
                report.Starved(beat);
            }

            before = now;
        }
    }
}
