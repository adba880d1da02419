using System.Threading.Channels;

namespace Presence.Dashboard.Tests;

/// <summary>Collects the messages pushed to a client, in order.</summary>
internal sealed class Inbox
{
    private readonly Channel<(string Event, JsonElement Payload)> _messages =
        System.Threading.Channels.Channel.CreateUnbounded<(string, JsonElement)>();

    public static Inbox Of(PhoenixChannel channel, params string[] events)
    {
        var inbox = new Inbox();
        foreach (var name in events)
        {
            channel.On(name, payload => inbox._messages.Writer.TryWrite((name, payload)));
        }

        return inbox;
    }

    /// <summary>Joins a topic and collects its messages.</summary>
    public static async Task<(PhoenixChannel Channel, Inbox Inbox)> JoinAsync(
        PhoenixSocket socket, string topic, params string[] events)
    {
        var channel = socket.Channel(topic);
        var inbox = Of(channel, events);
        await channel.JoinAsync();
        return (channel, inbox);
    }

    /// <summary>Returns the next message of the event that meets the condition; skips earlier ones.</summary>
    public async Task<JsonElement> NextAsync(string name, Func<JsonElement, bool>? when = null)
    {
        using var timeout = new CancellationTokenSource(LiveNode.Timeout);
        var last = "nothing";
        try
        {
            while (true)
            {
                var (heard, payload) = await _messages.Reader.ReadAsync(timeout.Token);
                if (heard == name && when?.Invoke(payload) != false)
                {
                    return payload;
                }

                last = $"{heard} {payload}";
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"'{name}' as wanted did not come; the last was {last}.");
        }
    }
}
