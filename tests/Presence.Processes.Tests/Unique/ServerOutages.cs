namespace Presence.Processes.Tests.Unique;

/// <summary>Stops, kills and suspends the shared server repeatedly, recorded in each run's history.</summary>
/// <remarks>
/// An outage may end a start of a node. While such a start is repeated, there is none: on a slow machine a start takes
/// longer than the time between two outages, so that the node would never run.
/// </remarks>
internal sealed class ServerOutages(PostgresServer server, int seed)
{
    private readonly Random _random = new(seed);
    private readonly Lock _gate = new();
    private readonly HashSet<UniqueTrio> _runs = [];
    private bool _isDown;

    public int Count { get; private set; }

    /// <summary>Adds a run, whose history records the outages from now on.</summary>
    public void Add(UniqueTrio run)
    {
        lock (_gate)
        {
            _runs.Add(run);
            if (_isDown)
            {
                run.Outage(isDown: true);
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

    /// <summary>Runs until it is cancelled; the server is up afterwards.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            await Task.Delay(Seconds(6, 10), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return;
            }

            if (IsAnyRepeatingAStart())
            {
                continue;
            }

            Record(isDown: true);
            await SpoilAsync(_random.Next(3), Seconds(0.2, 3));
            Record(isDown: false);
            Count++;
        }
    }

    private bool IsAnyRepeatingAStart()
    {
        lock (_gate)
        {
            return _runs.Any(run => run.IsRepeatingAStart);
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

    private void Record(bool isDown)
    {
        lock (_gate)
        {
            _isDown = isDown;
            foreach (var run in _runs)
            {
                run.Outage(isDown);
            }
        }
    }

    private TimeSpan Seconds(double from, double to) =>
        TimeSpan.FromSeconds(from + (_random.NextDouble() * (to - from)));
}
