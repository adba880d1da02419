using Presence.Client;
using Presence.Harness;

namespace Presence.Samples.Tests.Programs;

/// <summary>A WebSocket client in one topic of a sample, with what it has seen there.</summary>
internal sealed class SampleClient : IAsyncDisposable
{
    private readonly PhoenixSocket _socket;

    private SampleClient(PhoenixSocket socket, string topic)
    {
        _socket = socket;
        Channel = socket.Channel(topic);
        _ = new PresenceSync(Channel, change => Seen.Add($"{change.Kind} {change.Key}"));
        foreach (var name in (string[])["message", "cart"])
        {
            Channel.On(name, payload => Seen.Add($"{name} {payload}"));
        }
    }

    public PhoenixChannel Channel { get; }

    /// <summary>Gets the changes of presence, such as <c>Joined ann</c>, and the messages.</summary>
    public Awaited<string> Seen { get; } = new();

    /// <summary>Connects to a path of the program, and joins.</summary>
    /// <exception cref="PhoenixException">The server rejected the join.</exception>
    public static async Task<SampleClient> JoinAsync(
        SampleProcess program, string path, string topic, object? parameters = null, string? token = null)
    {
        var address = new Uri(program.Address, path);
        var client = new SampleClient(await PhoenixSocket.ConnectAsync(address, new() { AuthToken = token }), topic);
        await client.Channel.JoinAsync(parameters);
        return client;
    }

    /// <summary>Waits for an entry of <see cref="Seen"/> that contains a text.</summary>
    public Task SeesAsync(string text) => Seen.FirstAsync(seen => seen.Contains(text, StringComparison.Ordinal), text);

    public ValueTask DisposeAsync() => _socket.DisposeAsync();
}
