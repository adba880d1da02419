using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Presence.Grains.Client;

namespace Presence.Grains.Tests.Client;

/// <summary>A log kept in memory for the message of a failed test. Writing to a file would change the timing.</summary>
internal sealed class Journal : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly long _begun = Stopwatch.GetTimestamp();

    public void Add(string line) => _lines.Enqueue($"{Stopwatch.GetElapsedTime(_begun).TotalMilliseconds,7:F0} {line}");

    /// <summary>Logs how the client library handles each event of a stream.</summary>
    public void Trace(ILoggingBuilder logging) =>
        logging.AddProvider(this).AddFilter<Journal>(
            (category, _) => category?.EndsWith(nameof(PresenceClient), StringComparison.Ordinal) == true);

    /// <summary>Returns the lines about a topic, and those about no topic.</summary>
    public string Of(string topic) => string.Join(
        '\n',
        _lines.Where(l => !l.Contains("topic ", StringComparison.OrdinalIgnoreCase)
            || l.Contains($"{topic}:", StringComparison.OrdinalIgnoreCase)));

    /// <summary>Shortens numbered keys to ranges.</summary>
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
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter) =>
        Add(formatter(state, exception));

    public void Dispose()
    {
        // The log outlives the silos that write to it.
    }

    private static int Number(string key) => int.Parse(key[1..], System.Globalization.CultureInfo.InvariantCulture);
}
