using System.Net.Sockets;

namespace Presence.UniqueMember;

/// <summary>
/// A unique process that does something to a resource again and again, showing its epoch, and once more after it was asked to
/// stop: that one was under way.
/// </summary>
/// <remarks>It does not care whether it is refused, so that whatever goes wrong goes wrong often.</remarks>
internal sealed class EffectLoop(Report report, MemberSettings settings) : IUniqueProcess
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(40);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private long _sequence;

    public async Task RunAsync(UniqueProcessContext context)
    {
        var term = report.Began(context);
        try
        {
            using var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync(settings.Resource, context.Stopping);
            using var reader = new StreamReader(client.GetStream());
            await using var writer = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\n" };
            while (!context.Stopping.IsCancellationRequested)
            {
                await TryAsync(context, term, reader, writer);
                await Task.Delay(Pace, context.Stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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
        await reader.ReadLineAsync().WaitAsync(Patience);
    }
}
