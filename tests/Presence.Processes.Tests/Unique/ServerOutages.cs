namespace Presence.Processes.Tests.Unique;

/// <summary>Stops, kills and holds still the server that all runs share, again and again, and writes it into their histories.</summary>
internal sealed class ServerOutages(PostgresServer server, int seed)
{
    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();
    private readonly HashSet<UniqueTrio> _runs = [];
    private bool _isAway;

    public int Count { get; private set; }

    /// <summary>A run begins: it is told of what happens to the server from now on.</summary>
    public void Add(UniqueTrio run)
    {
        lock (_gate)
        {
            _runs.Add(run);
            if (_isAway)
            {
                run.Outage(isAway: true);
            }
        }
    }

    public void Remove(UniqueTrio run)
    {
        lock (_gate)
        {
            _runs.Remove(run);
        }
    }

    /// <summary>Until it is cancelled; the server is up then.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(Seconds(6, 10), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return;
            }

            Tell(isAway: true);
            await SpoilAsync(_random.Next(3), Seconds(0.2, 3));
            Tell(isAway: false);
            Count++;
        }
    }

    private async Task SpoilAsync(int how, TimeSpan lasts)
    {
        if (how == 0)
        {
            server.Pause();
            await Task.Delay(lasts);
            server.Continue();
            return;
        }

        await (how == 1 ? server.StopAsync() : server.KillAsync());
        await Task.Delay(lasts);
        await server.StartAgainAsync();
    }

    private void Tell(bool isAway)
    {
        lock (_gate)
        {
            _isAway = isAway;
            foreach (var run in _runs)
            {
                run.Outage(isAway);
            }
        }
    }

    private TimeSpan Seconds(double from, double to) => TimeSpan.FromSeconds(from + (_random.NextDouble() * (to - from)));
}
