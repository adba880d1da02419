using Microsoft.Extensions.Logging.Testing;

namespace Presence.Harness.Fakes;

/// <summary>Searches the log and waits for records.</summary>
public static class FakeLogExtensions
{
    /// <summary>Returns the records so far that contain the text.</summary>
    public static IReadOnlyList<FakeLogRecord> With(this FakeLogger log, string text) =>
        [.. log.Collector.GetSnapshot().Where(record => record.Message.Contains(text, StringComparison.Ordinal))];

    /// <summary>Completes when a record contains the text, and fails after 30 s.</summary>
    public static async Task UntilAsync(this FakeLogger log, string text)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await foreach (var record in log.Collector.GetLogsAsync(timeout.Token))
            {
                if (record.Message.Contains(text, StringComparison.Ordinal))
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"No line had '{text}' in it: {string.Join("; ", log.With("").Select(r => r.Message))}");
        }
    }
}
