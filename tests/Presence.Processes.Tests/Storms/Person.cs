namespace Presence.Processes.Tests.Storms;

/// <summary>Somebody who wants to be in one room all the time: whenever the connection ends, it comes back through any member.</summary>
internal sealed class Person(string user, string room, string token, History history)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(500);

    private int _isBusy;
    private int _acknowledged;
    private volatile RoomClient? _client;

    public string Room => room;

    /// <summary>Its present connection, joined; null between two.</summary>
    public RoomClient? Client => _client is { Closed.IsCompleted: false } client ? client : null;

    /// <summary>The last version of its metadata that was acknowledged to the present join.</summary>
    public int Acknowledged => Volatile.Read(ref _acknowledged);

    /// <summary>Joins, and joins again after every end, until it is cancelled.</summary>
    /// <param name="choose">A member to try, and a share of the longest pause between two attempts.</param>
    /// <param name="door">How many may join at the same time.</param>
    /// <param name="stop">Ends it; the connection goes with it.</param>
    public async Task StayAsync(Func<(MemberProcess Member, double Pause)> choose, SemaphoreSlim door, CancellationToken stop)
    {
        try
        {
            while (true)
            {
                if (await ComeAsync(choose().Member, door, stop) is not { } client)
                {
                    await Task.Delay(LongestPause * choose().Pause, stop);
                    continue;
                }

                await client.Closed.WaitAsync(stop);
                // Whatever ended it, what was tracked through it has to go.
                await client.DisposeAsync();
            }
        }
        catch (OperationCanceledException)
        {
            await (_client?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    /// <summary>Updates, leaves or drops its connection; nothing if it is doing something already or is not there.</summary>
    public async Task ActAsync(PersonAct act)
    {
        if (Client is not { } client || Interlocked.Exchange(ref _isBusy, 1) == 1)
        {
            return;
        }

        try
        {
            switch (act)
            {
                case PersonAct.Update:
                    Volatile.Write(ref _acknowledged, await client.UpdateAsync());
                    break;
                case PersonAct.Leave:
                    await client.LeaveAsync();
                    break;
                default:
                    client.Drop();
                    break;
            }
        }
        catch (InvalidOperationException)
        {
            // Not acknowledged, because of a fault: it may have happened or not, and the checker knows that.
        }
        finally
        {
            Volatile.Write(ref _isBusy, 0);
        }
    }

    private async Task<RoomClient?> ComeAsync(MemberProcess member, SemaphoreSlim door, CancellationToken stop)
    {
        await door.WaitAsync(stop);
        try
        {
            var client = await RoomClient.JoinAsync(member, room, user, history, token);
            // A connection that is closed from outside ends the presence as much as one that is dropped here.
            _ = client.Closed.ContinueWith(_ => history.Add(new Ending(history.Now, client.Presence)), TaskScheduler.Default);
            Volatile.Write(ref _acknowledged, 0);
            return _client = client;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
        finally
        {
            door.Release();
        }
    }
}

internal enum PersonAct
{
    Update,
    Leave,
    Drop,
}
