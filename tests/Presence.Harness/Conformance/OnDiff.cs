namespace Presence.Harness.Conformance;

/// <summary>A handler that passes diffs to a delegate.</summary>
public sealed class OnDiff(Action<PresenceDiff> onDiff) : IPresenceHandler
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        onDiff(diff);
        return default;
    }

    /// <summary>Waits for a condition, which is checked at every change of the tracker.</summary>
    /// <remarks>Another owner is no change while reference and metadata are the same: poll for that.</remarks>
    public static async Task UntilAsync(IPresenceTracker tracker, Func<bool> isSo, string what)
    {
        using var timeout = new CancellationTokenSource(Timeout);
        using var changed = new SemaphoreSlim(0);
        await using var handler = await tracker.AddHandlerAsync(new OnDiff(_ => changed.Release()));
        while (!isSo())
        {
            try
            {
                await changed.WaitAsync(timeout.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"Not met within {Timeout}: {what}.");
            }
        }
    }
}
