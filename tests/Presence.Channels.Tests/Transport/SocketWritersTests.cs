using System.Net.WebSockets;
using System.Text;
using Presence.Channels.Transport;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Transport;

public sealed class SocketWritersTests
{
    [Fact]
    public async Task Sockets_get_all_frames_in_order_from_at_most_one_writer_per_processor()
    {
        using var harness = new Harness();
        var busy = new Busy();
        var sockets = Enumerable.Range(0, 300).Select(_ => new ListeningSocket(busy, 100)).ToArray();
        var transports = sockets.Select(socket => new WebSocketTransport(harness.Server, socket, null)).ToArray();
        for (var i = 0; i < 100; i++)
        {
            var frame = new OutFrame(Encoding.ASCII.GetBytes(i.ToString("D3", null)), default, binary: false);
            foreach (var transport in transports)
            {
                transport.Send(frame);
            }
        }

        var expected = string.Concat(Enumerable.Range(0, 100).Select(i => i.ToString("D3", null)));
        foreach (var socket in sockets)
        {
            Assert.Equal(expected, await socket.Received.WaitAsync(TestClient.Timeout));
        }

        Assert.InRange(busy.Most, 1, Environment.ProcessorCount);
    }

    [Fact]
    public async Task Socket_that_waits_for_its_client_delays_no_other()
    {
        using var harness = new Harness();
        var gate = new TaskCompletionSource();
        var frame = new OutFrame("x"u8.ToArray(), default, binary: false);
        for (var i = 0; i < Environment.ProcessorCount * 4; i++)
        {
            new WebSocketTransport(harness.Server, new ListeningSocket(new Busy(), 1, gate.Task), null).Send(frame);
        }

        var quick = new ListeningSocket(new Busy(), 1);
        new WebSocketTransport(harness.Server, quick, null).Send(frame);
        Assert.Equal("x", await quick.Received.WaitAsync(TestClient.Timeout));
        gate.SetResult();
    }

    /// <summary>Gets the maximum of concurrent writes.</summary>
    private sealed class Busy
    {
        private readonly Lock _gate = new();
        private int _now;

        public int Most { get; private set; }

        public void Begin()
        {
            lock (_gate)
            {
                Most = Math.Max(Most, ++_now);
            }
        }

        public void End()
        {
            lock (_gate)
            {
                _now--;
            }
        }
    }

    /// <summary>Records the frames.</summary>
    private sealed class ListeningSocket(Busy busy, int frames, Task? gate = null) : StubWebSocket
    {
        private readonly StringBuilder _text = new();
        private readonly TaskCompletionSource<string> _heard = new();
        private int _left = frames;

        public Task<string> Received => _heard.Task;

        public override async ValueTask SendAsync(
            ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage,
            CancellationToken cancellationToken)
        {
            busy.Begin();
            _text.Append(Encoding.ASCII.GetString(buffer.Span));
            busy.End();
            if (gate is not null)
            {
                await gate;
            }

            if (--_left == 0)
            {
                _heard.SetResult(_text.ToString());
            }
        }
    }
}
