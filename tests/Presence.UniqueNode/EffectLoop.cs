using System.Net.Sockets;

namespace Presence.UniqueNode;

/// <summary>Changes a resource repeatedly with its epoch, and once more after it was stopped.</summary>
/// <remarks>Ignores rejections, so that errors occur often.</remarks>
internal sealed class EffectLoop(Report report, NodeSettings settings) : IUniqueProcess
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private long _sequence;

    public async Task RunAsync(UniqueProcessContext context)
    {
        var term = report.Began(context);
        try
        {
            using var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync(settings.Resource, context.StoppingToken);
            using var reader = new StreamReader(client.GetStream());
            await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\n" };
            while (!context.StoppingToken.IsCancellationRequested)
            {
                await TryAsync(context, term, reader, writer);
                await Task.Delay(Pace, context.StoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await TryAsync(context, term, reader, writer);
        }
        finally
        {
            report.Ended(context, term);
        }
    }

    private async Task TryAsync(UniqueProcessContext context, string term, StreamReader reader, StreamWriter writer)
    {
        var epoch = context.Epoch?.ToString(CultureInfo.InvariantCulture) ?? "-";
        await writer.WriteLineAsync($"{context.Name} {term} {epoch} {++_sequence}");
        await reader.ReadLineAsync().WaitAsync(Timeout);
    }
}
