namespace Presence.Harness.Conformance;

/// <summary>A handler that passes on what it is told.</summary>
public sealed class OnDiff(Action<PresenceDiff> told) : IPresenceHandler
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        told(diff);
        return default;
    }

    /// <summary>Waits until something is so, looking again at every change of the tracker it concerns.</summary>
    public static async Task UntilAsync(IPresenceTracker tracker, Func<bool> isSo, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        using var changed = new SemaphoreSlim(0);
        await using var handler = await tracker.AddHandlerAsync(new OnDiff(_ => changed.Release()));
        while (!isSo())
        {
            try
            {
                await changed.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"In {Patience} it did not become so that {what}.");
            }
        }
    }
}
