namespace Presence.SignalR.Tests;

public sealed class WriteTurnsTests
{
    [Fact]
    public async Task A_turn_begins_when_one_before_has_ended()
    {
        var turns = new WriteTurns(2);
        Task[] waits = [.. Enumerable.Range(0, 4).Select(_ => turns.WaitAsync())];
        Assert.Equal([true, true, false, false], waits.Select(wait => wait.IsCompleted));
        turns.End();
        await waits[2].WaitAsync(TimeSpan.FromSeconds(30));
        Assert.False(waits[3].IsCompleted);
        turns.End();
        await waits[3].WaitAsync(TimeSpan.FromSeconds(30));
    }
}
