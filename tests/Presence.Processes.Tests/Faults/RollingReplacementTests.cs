namespace Presence.Processes.Tests.Faults;

/// <summary>Silos are replaced while clients of two survivors must always receive each other's updates.</summary>
[Trait("Category", "Postgres")]
[Trait("Category", "Soak")]
public sealed class RollingReplacementTests
{
    private const string Room = "room:mill";
    private const int Rounds = 20;

    private static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(40);

    [SkippableFact]
    public async Task Updates_between_survivors_of_forty_kills_and_stops_are_delayed_by_at_most_a_second()
    {
        await using var cluster = await NodeCluster.CreateAsync(SiloSite.Settings);
        await using var run = await Run.StartAsync(cluster, Room, nodes: 2);
        using var stop = new CancellationTokenSource();
        var survivors = run.Clients.ToList();
        var beating = survivors.ConvertAll(client => BeatAsync(client, stop.Token));
        for (var round = 0; round < Rounds; round++)
        {
            await ComeAndGoAsync(run, survivors, kill: true);
            await ComeAndGoAsync(run, survivors, kill: false);
        }

        await stop.CancelAsync();
        await Task.WhenAll(beating);
        await run.SettleAsync();

        var pauses = survivors.SelectMany(
            by => survivors.Where(of => of != by), (by, of) => LongestDelay(run.History, by, of)).ToList();
        Assert.All(pauses, pause => Assert.True(pause.Delay <= MaxPause, $"{pause}"));
        run.MustBeFlawless();
    }

    private static async Task ComeAndGoAsync(Run run, List<RoomClient> survivors, bool kill)
    {
        var node = (await run.Cluster.GrowToAsync(3))[^1];
        var guest = await run.JoinAsync(node);
        await run.AllShownToAllAsync();
        await (kill ? node.KillAsync() : node.TerminateAsync());
        await guest.Closed;
        run.Clients.Remove(guest);
        await Task.WhenAll(survivors.Select(client => client.UntilShownAsync(survivors, Generous)));
    }

    private static async Task BeatAsync(RoomClient client, CancellationToken stop)
    {
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        try
        {
            while (await pace.WaitForNextTickAsync(stop))
            {
                await client.UpdateAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Done.
        }
    }

    /// <summary>Time from an acknowledged update of one client until the other sees it, or a later one.</summary>
    private static (
        string Of, string By, TimeSpan At, TimeSpan Delay) LongestDelay(History history, RoomClient by, RoomClient of)
    {
        var (worst, at) = (TimeSpan.Zero, TimeSpan.Zero);
        var waiting = new Queue<Updated>();
        foreach (var happened in history.Events)
        {
            if (happened is Updated updated && updated.Presence == of.Presence)
            {
                waiting.Enqueue(updated);
            }
            else if (happened is SawDiff seen && seen.Observer == by.Presence
                && seen.Joins.FirstOrDefault(join => join.Presence == of.Presence) is { } shown)
            {
                while (waiting.TryPeek(out var next) && next.Version <= shown.Version)
                {
                    waiting.Dequeue();
                    (worst, at) = seen.At - next.At > worst ? (seen.At - next.At, next.At) : (worst, at);
                }
            }
        }

        return (of.Presence, by.Presence, at, worst);
    }
}
