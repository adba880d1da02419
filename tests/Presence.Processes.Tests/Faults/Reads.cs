namespace Presence.Processes.Tests.Faults;

/// <summary>Requests the room's count from each node repeatedly, and records requests without a response.</summary>
internal sealed class Reads : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task<string?>> _requests;
    private int _answers;

    private Reads(IReadOnlyList<RoomClient> clients) => _requests = [.. clients.Select(RequestAsync)];

    public static Reads Of(IEnumerable<RoomClient> clients) => new([.. clients]);

    /// <summary>Waits until the clients got this many more responses on average, or one request failed.</summary>
    public Task UntilServedAsync(int times)
    {
        var enough = Volatile.Read(ref _answers) + (times * _requests.Count);
        return TestTimeouts.UntilAsync(
            $"{enough} reads were answered",
            TimeSpan.FromSeconds(30),
            () => Volatile.Read(ref _answers) >= enough || _requests.Any(asking => asking.IsCompleted));
    }

    /// <summary>Stops the requests and asserts that all were answered.</summary>
    public async Task MustHaveBeenServedAsync()
    {
        await _stop.CancelAsync();
        var failures = (await Task.WhenAll(_requests)).OfType<string>().ToList();
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(_answers >= _requests.Count, $"only {_answers} reads were answered");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_requests);
        _stop.Dispose();
    }

    private async Task<string?> RequestAsync(RoomClient client)
    {
        using var pause = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        try
        {
            while (await pause.WaitForNextTickAsync(_stop.Token))
            {
                // Throws without a response within ten seconds, or when the connection ends.
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
