using System.Runtime.InteropServices;
using Microsoft.AspNetCore.Http;

namespace Presence.Channels.Runtime;

/// <summary>How many sockets one client may have, and who is cut off when too many bytes wait.</summary>
internal sealed partial class SocketRegistry
{
    private readonly Dictionary<UInt128, int> _addresses = [];
    private readonly Dictionary<string, int> _users = new(StringComparer.Ordinal);
    private readonly HashSet<WaitingRequest> _requests = [];
    private readonly Lock _relieving = new();

    /// <summary>Counts the bytes of a request until the result is disposed.</summary>
    public WaitingRequest Hold(HttpContext http)
    {
        var request = new WaitingRequest(_server, http, this);
        lock (_gate)
        {
            _requests.Add(request);
        }

        return request;
    }

    /// <summary>Cuts off the clients with the most waiting bytes, if all together have too many.</summary>
    public void Relieve()
    {
        if (_server.Waiting.IsExceeded)
        {
            Relieve(_server.Waiting.Relieved);
        }
    }

    private void Relieve(long target)
    {
        if (!_relieving.TryEnter())
        {
            return;
        }

        try
        {
            IWaitingClient[] clients;
            lock (_gate)
            {
                clients = [.. _connections, .. _requests];
            }

            var largest = new PriorityQueue<IWaitingClient, long>(
                clients.Select(client => (client, -client.WaitingBytes)));
            while (_server.Waiting.Total > target && largest.TryDequeue(out var client, out var bytes) && bytes < 0)
            {
                client.CutOff();
            }
        }
        finally
        {
            _relieving.Exit();
        }
    }

    /// <returns>Why a socket of this address and user cannot be added, or null.</returns>
    public string? Obstacle(UInt128 address, string? user)
    {
        lock (_gate)
        {
            var limits = _server.Limits;
            return Draining || _connections.Count >= limits.MaxSockets ? Full
                : IsReached(_addresses, address, limits.MaxSocketsPerAddress) ? "address"
                : user is not null && IsReached(_users, user, limits.MaxSocketsPerUser) ? "user"
                : null;
        }
    }

    private static bool IsReached<TKey>(Dictionary<TKey, int> counts, TKey key, int limit)
        where TKey : notnull => limit > 0 && counts.GetValueOrDefault(key) >= limit;

    private void Tally(SocketConnection connection, int by)
    {
        Tally(_addresses, connection.Address, by);
        if (connection.User is { } user)
        {
            Tally(_users, user, by);
        }
    }

    private static void Tally<TKey>(Dictionary<TKey, int> counts, TKey key, int by)
        where TKey : notnull
    {
        ref var count = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _);
        count += by;
        if (count == 0)
        {
            counts.Remove(key);
        }
    }

    /// <summary>The body of a long-poll request, or of its answer, while the client sends or receives it.</summary>
    internal sealed class WaitingRequest(ChannelServer server, HttpContext http, SocketRegistry owner)
        : IWaitingClient, IDisposable
    {
        private readonly Lock _countGate = new();
        private readonly Lock _abortGate = new();
        private long _bytes;
        private bool _isCutOff;
        private bool _isOver;

        public long WaitingBytes => Interlocked.Read(ref _bytes);

        public void Set(long bytes)
        {
            lock (_countGate)
            {
                if (_isCutOff)
                {
                    return;
                }

                server.Waiting.Add(bytes - _bytes);
                _bytes = bytes;
            }

            owner.Relieve();
        }

        public void CutOff()
        {
            Release();
            server.Instruments.Closed("memory");
            ThreadPool.UnsafeQueueUserWorkItem(static request => request.Abort(), this, preferLocal: false);
        }

        public void Dispose()
        {
            lock (owner._gate)
            {
                owner._requests.Remove(this);
            }

            Release();
            lock (_abortGate)
            {
                _isOver = true;
            }
        }

        private void Abort()
        {
            // After the request its context is gone, or serves another request.
            lock (_abortGate)
            {
                if (!_isOver)
                {
                    http.Abort();
                }
            }
        }

        private void Release()
        {
            lock (_countGate)
            {
                _isCutOff = true;
                server.Waiting.Remove(_bytes);
                _bytes = 0;
            }
        }
    }
}
