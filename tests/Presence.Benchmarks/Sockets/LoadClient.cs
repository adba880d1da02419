using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Presence.Benchmarks.Sockets;

/// <summary>A simulated user: connects, joins a topic and maintains its presences.</summary>
internal sealed class LoadClient(int number) : ILoadClient
{
    private readonly HashSet<string> _present = new(StringComparer.Ordinal);
    private TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _wanted = int.MaxValue;
    private bool _hasState;

    public int Number => number;

    public LoadSocket Socket { get; private set; } = new();

    /// <summary>Bytes of the last <c>presence_state</c>.</summary>
    public int StateBytes { get; private set; }

    /// <summary>Arrival times of broadcasts, if they are awaited.</summary>
    public Action<long>? Received { get; set; }

    public async Task ConnectAsync(IPEndPoint server)
    {
        Socket.Received = Take;
        Socket.Ended = error => Fail(error ?? new InvalidOperationException("The server closed the connection."));
        await Socket.ConnectAsync(
            server, string.Create(
                CultureInfo.InvariantCulture, $"/socket/websocket?vsn=2.0.0&user_id=user_{number:D5}"));
    }

    /// <summary>Joins; completes with the reply.</summary>
    public Task JoinAsync(string topic)
    {
        Socket.Send($$"""["1","1","{{topic}}","phx_join",{}]""");
        return _joined.Task;
    }

    public void Push(string topic, int number) => Socket.Send(
        $$"""["1","{{number}}","{{topic}}","message",{"text":"hello everybody, this is a message","n":{{number}}}]""");

    /// <summary>Completes when the client lists this many presences, its own included.</summary>
    public Task KnowsAsync(int presences)
    {
        lock (_present)
        {
            _wanted = presences;
            if (_hasState && _present.Count == presences)
            {
                _complete.TrySetResult();
            }

            return _complete.Task;
        }
    }

    /// <summary>Clears the state, as after a connection loss.</summary>
    public void Drop()
    {
        Socket.Ended = null;
        Socket.Received = null;
        Socket.Dispose();
        Socket = new LoadSocket();
        lock (_present)
        {
            _present.Clear();
            _hasState = false;
            _wanted = int.MaxValue;
            _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _complete = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Dispose()
    {
        Socket.Ended = null;
        Socket.Dispose();
    }

    private void Fail(Exception error)
    {
        _joined.TrySetException(error);
        _complete.TrySetException(error);
    }

    private void Take(LoadSocket socket, ReadOnlySpan<byte> message)
    {
        var head = message[..Math.Min(message.Length, 100)];
        if (head.IndexOf("\"presence_diff\""u8) >= 0)
        {
            var leaves = message.LastIndexOf("\"leaves\":"u8);
            Change(message[..leaves], joins: true);
            Change(message[leaves..], joins: false);
        }
        else if (head.IndexOf("\"presence_state\""u8) >= 0)
        {
            StateBytes = message.Length;
            _hasState = true;
            Change(message, joins: true);
        }
        else if (head.IndexOf("\"phx_reply\""u8) >= 0)
        {
            _joined.TrySetResult();
        }
        else
        {
            Received?.Invoke(Stopwatch.GetTimestamp());
        }
    }

    /// <summary>Counts presences by <c>phx_ref</c>, without parsing the rest.</summary>
    private void Change(ReadOnlySpan<byte> presences, bool joins)
    {
        var mark = "\"phx_ref\":\""u8;
        lock (_present)
        {
            while (presences.IndexOf(mark) is var at and >= 0)
            {
                presences = presences[(at + mark.Length)..];
                var reference = System.Text.Encoding.ASCII.GetString(presences[..presences.IndexOf((byte)'"')]);
                _ = joins ? _present.Add(reference) : _present.Remove(reference);
            }

            if (_hasState && _present.Count == _wanted)
            {
                _complete.TrySetResult();
            }
        }
    }
}
