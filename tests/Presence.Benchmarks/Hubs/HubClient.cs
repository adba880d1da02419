using System.Globalization;
using System.Net;
using System.Text;
using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Hubs;

/// <summary>
/// A client of a hub in the JSON protocol, without its parser: it counts distinct keys by their numbers, so that it
/// costs little beside the server.
/// </summary>
internal sealed class HubClient(int number) : IDisposable
{
    private const char End = '\u001e';
    private const string KeyPrefix = "user_";

    private readonly LoadSocket _socket = new();
    private readonly Lock _gate = new();
    private bool[] _isKnown = new bool[1024];
    private int _known;
    private readonly TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _wanted = int.MaxValue;

    public int Number => number;

    /// <summary>Called with the arrival of each diff, if it is awaited.</summary>
    public Action<long>? Received { get; set; }

    public async Task ConnectAsync(IPEndPoint server, string hub)
    {
        _socket.Received = Take;
        _socket.Ended = error =>
        {
            var ended = error ?? new InvalidOperationException("The server closed the connection.") as Exception;
            _complete.TrySetException(ended);
            _ready.TrySetException(ended);
        };
        await _socket.ConnectAsync(
            server, string.Create(CultureInfo.InvariantCulture, $"/{hub}?user_id={KeyPrefix}{number:D5}"));
        _socket.Send($$"""{"protocol":"json","version":1}{{End}}""");
        await _ready.Task;
    }

    /// <summary>Calls a method of the hub, without waiting for its end.</summary>
    public void Invoke(string method, string room) =>
        _socket.Send($$"""{"type":1,"target":"{{method}}","arguments":["{{room}}"]}{{End}}""");

    /// <summary>Completes when the client has received this many keys, its own included.</summary>
    public Task KnowsAsync(int keys)
    {
        lock (_gate)
        {
            _wanted = keys;
            if (_known >= keys)
            {
                _complete.TrySetResult();
            }

            return _complete.Task;
        }
    }

    public void Dispose()
    {
        _socket.Ended = null;
        _socket.Dispose();
    }

    private void Take(LoadSocket socket, ReadOnlySpan<byte> message)
    {
        // The answer to the handshake is an empty object.
        if (message.StartsWith("{}"u8))
        {
            _ready.TrySetResult();
        }

        if (Received is { } received)
        {
            for (var rest = message; rest.IndexOf("\"PresenceDiff\""u8) is var at and >= 0; rest = rest[(at + 1)..])
            {
                received(Stopwatch.GetTimestamp());
            }

            return;
        }

        var mark = "\"key\":\""u8;
        lock (_gate)
        {
            while (message.IndexOf(mark) is var at and >= 0)
            {
                message = message[(at + mark.Length)..];
                var key = NumberOf(message[KeyPrefix.Length..]);
                if (key >= _isKnown.Length)
                {
                    Array.Resize(ref _isKnown, key * 2);
                }

                _known += _isKnown[key] ? 0 : 1;
                _isKnown[key] = true;
            }

            if (_known >= _wanted)
            {
                _complete.TrySetResult();
            }
        }
    }

    private static int NumberOf(ReadOnlySpan<byte> text)
    {
        var number = 0;
        for (var at = 0; text[at] != (byte)'"'; at++)
        {
            number = (number * 10) + text[at] - '0';
        }

        return number;
    }
}
