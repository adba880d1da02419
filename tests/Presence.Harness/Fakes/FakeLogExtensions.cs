using Microsoft.Extensions.Logging.Testing;

namespace Presence.Harness.Fakes;

/// <summary>Waits for what is logged.</summary>
public static class FakeLogExtensions
{
    /// <summary>Completes when a record contains the text, and fails after 30 s.</summary>
    public static async Task UntilAsync(this FakeLogger log, string text)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        try
        {
            await foreach (var record in log.Collector.GetLogsAsync(patience.Token))
            {
                if (record.Message.Contains(text, StringComparison.Ordinal))
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException)
        {
            Assert.Fail($"No line had '{text}' in it: {string.Join("; ", log.Collector.GetSnapshot().Select(r => r.Message))}");
        }
    }
}
