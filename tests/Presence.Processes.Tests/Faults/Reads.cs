namespace Presence.Processes.Tests.Faults;

/// <summary>Asks each member for the count of the room, again and again, and remembers what was not answered.</summary>
internal sealed class Reads : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task<string?>> _asking;
    private int _answers;

    private Reads(IReadOnlyList<RoomClient> clients) => _asking = [.. clients.Select(AskAsync)];

    public static Reads Of(IEnumerable<RoomClient> clients) => new([.. clients]);

    /// <summary>Waits until the clients have been answered so many times more on average, or one was not answered.</summary>
    public Task UntilServedAsync(int times)
    {
        var enough = Volatile.Read(ref _answers) + (times * _asking.Count);
        return Patience.UntilAsync(
            $"{enough} reads were answered",
            TimeSpan.FromSeconds(30),
            () => Volatile.Read(ref _answers) >= enough || _asking.Any(asking => asking.IsCompleted));
    }

    /// <summary>Ends the asking.</summary>
    public async Task MustHaveBeenServedAsync()
    {
        await _stop.CancelAsync();
        var failures = (await Task.WhenAll(_asking)).OfType<string>().ToList();
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(_answers >= _asking.Count, $"only {_answers} reads were answered");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_asking);
        _stop.Dispose();
    }

    private async Task<string?> AskAsync(RoomClient client)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        try
        {
            while (await pause.WaitForNextTickAsync(_stop.Token))
            {
                // Not answered within ten seconds, or the connection ended: it throws.
                await client.CountAsync();
                Interlocked.Increment(ref _answers);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException)
        {
            return _stop.IsCancellationRequested ? null : e.Message;
        }

        return null;
    }
}
