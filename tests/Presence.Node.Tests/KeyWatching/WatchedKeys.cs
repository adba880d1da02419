using Presence.Node.KeyWatching;

namespace Presence.Node.Tests.KeyWatching;

/// <summary>A watch as its reader sees it, without an enumeration, so that tests know when nothing waits.</summary>
internal sealed class WatchedKeys : IDisposable
{
    private readonly KeyWatches _watches;
    private readonly KeyWatch _watch;

    private WatchedKeys(KeyWatches watches, KeyWatch watch) => (_watches, _watch) = (watches, watch);

    public bool IsReleased => _watch.Phase == KeyWatchPhase.Released;

    public bool IsScheduled => _watch.Phase == KeyWatchPhase.Scheduled;

    /// <summary>Gets the keys that are present by what was taken.</summary>
    public SortedSet<string> Present { get; } = new(StringComparer.Ordinal);

    public static async Task<WatchedKeys> OpenAsync(
        IPresenceTracker tracker,
        string within,
        IReadOnlyCollection<string> keys,
        IPresenceAuthorizer? authorizer = null)
    {
        var watches = tracker.KeyWatches!;
        return new(watches, await watches.OpenAsync(watches.Check(keys, within), authorizer, null, default));
    }

    /// <summary>Takes what the reader may take: <c>+ann -bob</c>, in the order of the keys; null if nothing.</summary>
    public string? Take()
    {
        if (_watches.Take(_watch, out _) is not { } changes)
        {
            return null;
        }

        foreach (var (key, isPresent) in changes)
        {
            Assert.True(isPresent ? Present.Add(key) : Present.Remove(key), $"{key} was that already");
        }

        var texts = changes.Select(change => $"{(change.IsPresent ? '+' : '-')}{change.Key}");
        return string.Join(' ', texts.Order(StringComparer.Ordinal));
    }

    public void Dispose() => _watch.Dispose();
}
