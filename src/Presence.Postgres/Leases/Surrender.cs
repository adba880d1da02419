namespace Presence.Postgres;

/// <summary>Work on the server that its caller may give up at once, whatever becomes of it.</summary>
/// <remarks>
/// Npgsql cancels a statement by connecting to the server once more, and blocks the thread that cancels until it has: for
/// seconds, if the server is out of reach or stands still. On threads of the pool that would hold up just those who have to act in time
/// because they reach nobody; so it is done on a thread of its own. The commands of such work have no timeout of their own
/// (<see cref="NoTimeout"/>), which would cancel on a thread of the pool too.
/// </remarks>
internal static class Surrender
{
    /// <summary>For <see cref="Npgsql.NpgsqlCommand.CommandTimeout"/>.</summary>
    public const int NoTimeout = 0;

    /// <summary>Completes with the work, or when the caller or the time gives up.</summary>
    /// <param name="work">Ends some seconds after its token is cancelled.</param>
    /// <param name="within">How long it may take.</param>
    /// <param name="cancellation">Of the caller.</param>
    /// <exception cref="TimeoutException">It took longer.</exception>
    public static async Task<T> RunAsync<T>(
        Func<CancellationToken, Task<T>> work, TimeSpan within, CancellationToken cancellation)
    {
        var giveUp = new CancellationTokenSource();
        var working = work(giveUp.Token);
        _ = working.ContinueWith(
            static (ended, source) =>
            {
                // Looked at: nobody may wait for it any more.
                _ = ended.Exception;
                ((CancellationTokenSource)source!).Dispose();
            },
            giveUp,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        try
        {
            return await working.WaitAsync(within, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException && !working.IsCompleted)
        {
            _ = Task.Factory.StartNew(
                () => Cancel(giveUp), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            throw;
        }
    }

    private static void Cancel(CancellationTokenSource giveUp)
    {
        try
        {
            giveUp.Cancel();
        }
        catch (Exception e) when (e is ObjectDisposedException or AggregateException)
        {
            // It ended a moment before, or could not be cancelled and ends with its connection.
        }
    }
}
