namespace Presence.Processes.Tests.Chaos;

/// <summary>A user who stays in one room: reconnects through any node whenever the connection ends.</summary>
internal sealed class SimulatedUser(string user, string room, string token, History history)
{
    private static readonly TimeSpan MaxPause = TimeSpan.FromMilliseconds(500);

    private int _isBusy;
    private int _acknowledged;
    private volatile RoomClient? _client;

    public string Room => room;

    /// <summary>Gets its joined connection; null between two.</summary>
    public RoomClient? Client => _client is { Closed.IsCompleted: false } client ? client : null;

    /// <summary>Gets the last acknowledged version of its metadata in the current join.</summary>
    public int Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Joins, and rejoins after every end, until it is cancelled.</summary>
    /// <param name="choose">
    /// Returns a node to try, and the pause before the next attempt as a share of its maximum.
    /// </param>
    /// <param name="joinLimit">Limits the number of concurrent joins.</param>
    /// <param name="stop">Cancels it and closes the connection.</param>
    public async Task StayAsync(
        Func<(NodeProcess Node, double Pause)> choose, SemaphoreSlim joinLimit, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                if (await ComeAsync(choose().Node, joinLimit, stop) is not { } client)
                {
                    await Task.Delay(MaxPause * choose().Pause, stop);
                    continue;
                }

                await client.Closed.WaitAsync(stop);
                // However the connection ended, its presence has to leave.
                await client.DisposeAsync();
            }
        }
        catch (OperationCanceledException)
        {
            await (_client?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    /// <summary>Updates, leaves or drops its connection; does nothing if busy or not joined.</summary>
    public async Task ActAsync(UserAction act)
    {
        if (Client is not { } client || Interlocked.Exchange(ref _isBusy, 1) == 1)
        {
            return;
        }

        try
        {
            switch (act)
            {
                case UserAction.Update:
                    Volatile.Write(ref _acknowledged, await client.UpdateAsync());
                    break;
                case UserAction.Leave:
                    await client.LeaveAsync();
                    break;
                default:
                    client.Drop();
                    break;
            }
        }
        catch (InvalidOperationException)
        {
            // Not acknowledged because of a fault: the checker accepts both outcomes.
        }
        finally
        {
            Volatile.Write(ref _isBusy, 0);
        }
    }

    private async Task<RoomClient?> ComeAsync(NodeProcess node, SemaphoreSlim joinLimit, CancellationToken stop)
    {
        await joinLimit.WaitAsync(stop);
        try
        {
            var client = await RoomClient.JoinAsync(node, room, user, history, token);
            // A connection closed by the node ends the presence, like one dropped here.
            _ = client.Closed.ContinueWith(
                _ => history.Add(new Ending(history.Now, client.Presence)), TaskScheduler.Default);
            Volatile.Write(ref _acknowledged, 0);
            return _client = client;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
        finally
        {
            joinLimit.Release();
        }
    }
}

internal enum UserAction
{
    Update,
    Leave,
    Drop,
}
