using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Presence.TestKit;

/// <summary>One line of the log.</summary>
/// <param name="Level">Its level.</param>
/// <param name="Category">Who wrote it.</param>
/// <param name="Message">What it says.</param>
/// <param name="Exception">What was thrown, if anything.</param>
public sealed record TestLogEntry(LogLevel Level, string Category, string Message, Exception? Exception);

internal sealed class CapturedLog : ILoggerProvider
{
    private const int Most = 10_000;

    private readonly ConcurrentQueue<TestLogEntry> _entries = new();

    public IReadOnlyList<TestLogEntry> Entries => [.. _entries];

    /// <summary>Warnings and worse, for the message of a failed assertion.</summary>
    public string Text => string.Concat(_entries
        .Where(entry => entry.Level >= LogLevel.Warning)
        .Select(entry => $"\n  log: {entry.Message} {entry.Exception?.Message}"));

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private void Add(TestLogEntry entry)
    {
        _entries.Enqueue(entry);
        while (_entries.Count > Most)
        {
            _entries.TryDequeue(out _);
        }
    }

    private sealed class Logger(CapturedLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                log.Add(new TestLogEntry(logLevel, category, formatter(state, exception), exception));
            }
        }
    }
}
