using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Cluster;

/// <summary>Orleans retries a placement that fails with one of its own exceptions, and logs each attempt. Ours never do.</summary>
[Trait("Category", "Engine.Orleans")]
public class PlacementLogTests
{
    [Fact]
    public async Task Neither_a_start_nor_the_loss_of_a_silo_makes_a_placement_that_is_retried()
    {
        var entries = new ConcurrentQueue<string>();
        using var recorder = new Recorder(entries);
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            configureClient: o => o.CheckPeriod = TimeSpan.FromMilliseconds(200),
            configureSilo: silo => silo.Services.AddLogging(log => log.AddProvider(recorder).AddFilter("Polly", LogLevel.Warning)));
        var ledger = new Ledger();
        await using var watch = await cluster.Client.WatchAsync("lobby", ledger.TakeAsync);
        await using var mine = await cluster.Client.TrackAsync("lobby", "mine");
        await ledger.JoinedAsync("mine");
        await cluster.Orleans.KillSiloAsync(cluster.SiloAt(mine.Handle.Silo));
        await ledger.LeftAsync("mine");
        await ledger.Told.FirstAsync(c => c.Entry.Ref == mine.Handle.Ref || ledger.Told.All.Count > 2);
        Assert.Empty(entries);
    }

    /// <summary>Keeps what is logged by the library that Orleans retries with.</summary>
    private sealed class Recorder(ConcurrentQueue<string> entries) : ILoggerProvider, ILogger
    {
        private string _category = "";

        public ILogger CreateLogger(string categoryName) => new Recorder(entries) { _category = categoryName };

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => _category.StartsWith("Polly", StringComparison.Ordinal);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                entries.Enqueue($"{logLevel} {formatter(state, exception)} {exception?.Message}");
            }
        }

        public void Dispose()
        {
        }
    }
}
