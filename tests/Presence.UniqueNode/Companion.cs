namespace Presence.UniqueNode;

/// <summary>The second member of a group.</summary>
internal sealed class Companion(Report report, UniqueProcessContext context) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        report.Companion("began", context);
        await Task.Delay(Timeout.Infinite, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        report.Companion("ended", context);
    }
}
