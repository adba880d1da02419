using System.Threading.Channels;

namespace Presence.Dashboard.Tests;

/// <summary>What a client was pushed, to be waited for in order.</summary>
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

    /// <summary>Joins a topic and keeps what it is pushed.</summary>
    public static async Task<(PhoenixChannel Channel, Inbox Inbox)> JoinAsync(
        PhoenixSocket socket, string topic, params string[] events)
    {
        var channel = socket.Channel(topic);
        var inbox = Of(channel, events);
        await channel.JoinAsync();
        return (channel, inbox);
    }

    /// <summary>The next message of that event for which the condition holds; what comes before it is let go.</summary>
    public async Task<JsonElement> NextAsync(string name, Func<JsonElement, bool>? when = null)
    {
        using var patience = new CancellationTokenSource(LiveMember.Patience);
        var last = "nothing";
        try
        {
            while (true)
            {
                var (heard, payload) = await _messages.Reader.ReadAsync(patience.Token);
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
