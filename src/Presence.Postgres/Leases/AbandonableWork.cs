namespace Presence.Postgres.Leases;

/// <summary>Runs work on the server that its caller can abandon at once.</summary>
/// <remarks>
/// To cancel a statement, Npgsql opens another connection and blocks the thread meanwhile: for seconds, if the server
/// is unreachable or suspended. On the thread pool this would delay holders that must stop in time, so it runs on a
/// separate thread. Commands have no timeout of their own (<see cref="NoTimeout"/>), which would cancel on the pool.
/// </remarks>
internal static class AbandonableWork
{
    public const int NoTimeout = 0;

    /// <summary>Completes with the work, or on cancellation or timeout.</summary>
    public static async Task<T> RunAsync<T>(
        Func<CancellationToken, Task<T>> work, TimeSpan timeout, CancellationToken cancellation)
    {
        var abandon = new CancellationTokenSource();
        var working = work(abandon.Token);
        _ = working.ContinueWith(
            static (ended, source) =>
            {
                // Observed, because no caller may await it any more.
                _ = ended.Exception;
                ((CancellationTokenSource)source!).Dispose();
            },
            abandon,
            CancellationToken.None,
            TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        try
        {
            return await working.WaitAsync(timeout, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException && !working.IsCompleted)
        {
            _ = Task.Factory.StartNew(
                () => Cancel(abandon), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            throw;
        }
    }

    private static void Cancel(CancellationTokenSource abandon)
    {
        try
        {
            abandon.Cancel();
        }
        catch (Exception e) when (e is ObjectDisposedException or AggregateException)
        {
            // The work ended meanwhile, or could not be cancelled and ends with its connection.
        }
    }
}
