using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Presence.Grains.Client;

namespace Presence.Grains.Tests.Client;

/// <summary>
/// What happened while a cluster ran, kept in memory and read when a test has failed: written to a file it would change what happens.
/// </summary>
internal sealed class Journal : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly long _begun = Stopwatch.GetTimestamp();

    public void Note(string line) => _lines.Enqueue($"{Stopwatch.GetElapsedTime(_begun).TotalMilliseconds,7:F0} {line}");

    /// <summary>Notes what the client library does with each event of a stream.</summary>
    public void Trace(ILoggingBuilder logging) =>
        logging.AddProvider(this).AddFilter<Journal>((category, _) => category?.EndsWith(nameof(PresenceClient), StringComparison.Ordinal) == true);

    /// <summary>What concerns a topic, and what concerns none.</summary>
    public string Of(string topic) => string.Join(
        '\n',
        _lines.Where(l => !l.Contains("topic ", StringComparison.OrdinalIgnoreCase)
            || l.Contains($"{topic}:", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Keys with a number at their end, runs of them as first and last.</summary>
    public static string Short(IReadOnlyList<string> keys)
    {
        var runs = new List<string>();
        for (var i = 0; i < keys.Count;)
        {
            var from = i++;
            while (i < keys.Count && Number(keys[i]) == Number(keys[i - 1]) + 1)
            {
                i++;
            }

            runs.Add(i - from == 1 ? keys[from] : $"{keys[from]} to {keys[i - 1]}");
        }

        return string.Join(", ", runs);
    }

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Note(formatter(state, exception));

    public void Dispose()
    {
        // Outlives the silos that log to it.
    }

    private static int Number(string key) => int.Parse(key[1..], System.Globalization.CultureInfo.InvariantCulture);
}
