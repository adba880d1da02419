namespace Presence.Node.Tests.Support;

/// <summary>Sums one counter of this process, for one value of its first tag if given.</summary>
internal sealed class Counted : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly SemaphoreSlim _changed = new(0);
    private long _sum;

    /// <param name="instrument">The name of the counter.</param>
    /// <param name="tag">The value of the first tag to count; null for all.</param>
    /// <param name="node">The node whose counter it is; null for those of all nodes of tests that run now.</param>
    public Counted(string instrument, string? tag = null, IPresenceNode? node = null)
    {
        _listener.InstrumentPublished = (i, l) =>
        {
            if (i.Name == instrument && node?.IsMeter(i.Meter) != false)
            {
                l.EnableMeasurementEvents(i);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            if (tag is null || (tags.Length > 0 && Equals(tags[0].Value, tag)))
            {
                Interlocked.Add(ref _sum, value);
                _changed.Release();
            }
        });
        _listener.Start();
    }

    public long Sum => Interlocked.Read(ref _sum);

    public async Task UntilAsync(long sum)
    {
        while (Sum < sum)
        {
            Assert.True(await _changed.WaitAsync(TimeSpan.FromSeconds(30)), $"The counter did not reach {sum}.");
        }
    }

    public void Dispose() => _listener.Dispose();
}
