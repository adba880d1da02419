using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Presence.Benchmarks.Sockets;

/// <summary>
/// A minimal WebSocket client without masking and without objects per frame, so that the server dominates the
/// measurement. Its frames go to <see cref="Received"/> on the thread that read them.
/// </summary>
internal sealed class LoadSocket : IDisposable
{
    private readonly Socket _socket =
        new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly TaskCompletionSource _upgraded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PooledBytes _message;
    private PooledBytes _kept;
    private bool _isUpgraded;
    private bool _isStream;

    /// <summary>Called with each complete message.</summary>
    public delegate void MessageHandler(LoadSocket socket, ReadOnlySpan<byte> message);

    public MessageHandler? Received { get; set; }

    /// <summary>Called when the connection has ended, with the error.</summary>
    public Action<Exception?>? Ended { get; set; }

    public long Bytes { get; private set; }

    public long Messages { get; private set; }

    /// <summary>
    /// Connects and upgrades. Never waits for the socket with the runtime, which would be woken for every message from
    /// then on, beside the reader, at the cost of the server's processors.
    /// </summary>
    public Task ConnectAsync(IPEndPoint server, string path)
    {
        _socket.Connect(server);
        _socket.Send(Encoding.ASCII.GetBytes(
            $"GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"));
        _socket.Blocking = false;
        Epoll.Watch((int)_socket.Handle, this);
        return _upgraded.Task;
    }

    /// <summary>Sends a request with an endless answer, whose bytes <see cref="Received"/> gets.</summary>
    public Task StreamAsync(IPEndPoint server, string path)
    {
        _isStream = true;
        _socket.Connect(server);
        _socket.Send(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: {server}\r\n\r\n"));
        _socket.Blocking = false;
        Epoll.Watch((int)_socket.Handle, this);
        return _upgraded.Task;
    }

    /// <summary>Sends a text frame with a zero mask. It fits the socket's buffer, so it is sent at once.</summary>
    public void Send(string text)
    {
        var size = Encoding.UTF8.GetByteCount(text);
        Span<byte> frame = stackalloc byte[size + 8];
        frame[0] = 0x81;
        int at;
        if (size < 126)
        {
            frame[1] = (byte)(0x80 | size);
            at = 2;
        }
        else
        {
            frame[1] = 0x80 | 126;
            BinaryPrimitives.WriteUInt16BigEndian(frame[2..], (ushort)size);
            at = 4;
        }

        frame.Slice(at, 4).Clear();
        Encoding.UTF8.GetBytes(text, frame[(at + 4)..]);
        _socket.Send(frame[..(at + 4 + size)]);
    }

    /// <summary>Drops the connection without a close frame.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>Reads all available bytes. Called on its reader thread, with a shared buffer.</summary>
    public void Read(byte[] buffer)
    {
        try
        {
            int read;
            do
            {
                read = _socket.Receive(buffer, SocketFlags.None, out var error);
                if (error == SocketError.WouldBlock)
                {
                    return;
                }

                if (error != SocketError.Success || read == 0)
                {
                    End(error == SocketError.Success ? null : new SocketException((int)error));
                    return;
                }

                Bytes += read;
                Take(buffer.AsSpan(0, read));
            }
            while (read == buffer.Length);
        }
        catch (ObjectDisposedException)
        {
            // Dropped by the load generator.
        }
    }

    private void End(SocketException? error)
    {
        _upgraded.TrySetException(
            error ?? new InvalidOperationException("The server closed the connection.") as Exception);
        Ended?.Invoke(error);
        _socket.Dispose();
    }

    /// <summary>Parses received bytes in place and keeps only the start of an incomplete frame.</summary>
    private void Take(ReadOnlySpan<byte> bytes)
    {
        if (_isStream)
        {
            _upgraded.TrySetResult();
            Received?.Invoke(this, bytes);
            return;
        }

        var isKept = _kept.Count > 0;
        if (isKept)
        {
            _kept.Write(bytes);
            bytes = _kept.Written;
        }

        var taken = TakeUpgrade(bytes);
        if (_isUpgraded)
        {
            taken += TakeFrames(bytes[taken..]);
        }

        if (isKept)
        {
            _kept.Remove(taken);
        }
        else if (taken < bytes.Length)
        {
            _kept.Write(bytes[taken..]);
        }
    }

    /// <summary>Parses the response to the upgrade, if it is pending.</summary>
    /// <returns>The number of bytes consumed.</returns>
    private int TakeUpgrade(ReadOnlySpan<byte> bytes)
    {
        var end = _isUpgraded ? -1 : bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return 0;
        }

        if (!bytes.StartsWith("HTTP/1.1 101"u8))
        {
            _upgraded.TrySetException(
                new InvalidOperationException("The server rejected the upgrade: " + Encoding.ASCII.GetString(bytes)));
            return 0;
        }

        _isUpgraded = true;
        _upgraded.TrySetResult();
        return end + 4;
    }

    /// <returns>The number of bytes of complete frames.</returns>
    private int TakeFrames(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (TryHeader(bytes[at..], out var head, out var size) && bytes.Length - at >= head + size)
        {
            Take(bytes[at], bytes.Slice(at + head, size));
            at += head + size;
        }

        return at;
    }

    private static bool TryHeader(ReadOnlySpan<byte> bytes, out int head, out int size)
    {
        (head, size) = (2, 0);
        if (bytes.Length < 2)
        {
            return false;
        }

        size = bytes[1];
        head = size == 127 ? 10 : size == 126 ? 4 : 2;
        if (bytes.Length < head)
        {
            return false;
        }

        size = head switch
        {
            4 => BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]),
            10 => (int)BinaryPrimitives.ReadUInt64BigEndian(bytes[2..]),
            _ => size,
        };
        return true;
    }

    private void Take(byte first, ReadOnlySpan<byte> payload)
    {
        var isLast = (first & 0x80) != 0;
        if (isLast && _message.Count == 0)
        {
            Messages++;
            Received?.Invoke(this, payload);
            return;
        }

        _message.Write(payload);
        if (isLast)
        {
            Messages++;
            Received?.Invoke(this, _message.Written);
            _message.Remove(_message.Count);
        }
    }
}
