using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels.Tokens;

/// <summary>The revoked users of the cluster, in the memory of each node.</summary>
/// <remarks>
/// Nodes send each other what they know by pub/sub: all of it when the set of nodes changes, and a part of it in turn
/// at every check, because pub/sub may lose a message. Messages are protected with the keys of the cluster, so that no
/// channel can forge one.
/// </remarks>
internal sealed partial class SocketRevocations : IHostedService, IDisposable
{
    /// <summary>How long a revocation is kept; tokens must not be valid for longer.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(14);

    private const string Topic = "presence.revocations";
    private const int Capacity = 100_000;
    private const int MaxPerMessage = 1000;

    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly OrderedDictionary<string, DateTimeOffset> _users = new(StringComparer.Ordinal);
    private readonly IPresenceNode _node;
    private readonly IDataProtector _protector;
    private readonly TimeProvider _time;
    private readonly ChannelInstruments _instruments;
    private readonly ILogger _log;
    private IDisposable? _subscription;
    private ITimer? _timer;
    private string _nodes = "";
    private int _sent;

    public SocketRevocations(
        IPresenceNode node,
        IDataProtectionProvider protection,
        TimeProvider time,
        ChannelInstruments instruments,
        ILogger<SocketRevocations> log)
    {
        (_node, _time, _instruments, _log) = (node, time, instruments, log);
        _protector = protection.CreateProtector("Presence.Channels.Revocations.v1");
    }

    /// <summary>Called after a revocation has become known.</summary>
    public Action? Changed { get; set; }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _subscription = _node.PubSub.Subscribe(Topic, OnMessage);
        _timer = _time.CreateTimer(
            static self => ((SocketRevocations)self!).Check(), this, CheckInterval, CheckInterval);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    /// <exception cref="PresenceOverloadException">100,000 users are revoked.</exception>
    public void Revoke(string user, DateTimeOffset issuedBefore)
    {
        if (!TryAdd(user, issuedBefore, out _))
        {
            throw new PresenceOverloadException(
                $"{Capacity} users are revoked, and no more fit. Change the keys of Data Protection to revoke all.");
        }

        Send([new Entry(user, issuedBefore.UtcTicks)]);
        Changed?.Invoke();
    }

    public bool IsRevoked(SocketToken token)
    {
        lock (_gate)
        {
            return _users.Count > 0 && _users.TryGetValue(token.UserId, out var before) && token.IssuedAt < before;
        }
    }

    public void Dispose()
    {
        _subscription?.Dispose();
        _timer?.Dispose();
    }

    /// <summary>Removes what no token can have any more; sends the rest to nodes that joined or lost some.</summary>
    private void Check()
    {
        try
        {
            foreach (var part in Due().Chunk(MaxPerMessage))
            {
                Send(part);
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The next check tries again.
            _instruments.Dropped("revocations_not_sent");
            LogNotSent(_log, e);
        }
    }

    private Entry[] Due()
    {
        var nodes = string.Join('\n', _node.Nodes().Where(n => n.Status == "up").Select(n => n.Name).Order());
        lock (_gate)
        {
            RemoveExpired();
            if (nodes != _nodes)
            {
                (_nodes, _sent) = (nodes, 0);
                return [.. _users.Select(Entry.Of)];
            }

            var from = _sent < _users.Count ? _sent : 0;
            _sent = Math.Min(from + MaxPerMessage, _users.Count);
            return [.. Enumerable.Range(from, _sent - from).Select(i => Entry.Of(_users.GetAt(i)))];
        }
    }

    private bool TryAdd(string user, DateTimeOffset issuedBefore, out bool isNew)
    {
        lock (_gate)
        {
            isNew = !_users.TryGetValue(user, out var known) || known < issuedBefore;
            if (known == default && _users.Count >= Capacity)
            {
                RemoveExpired();
                if (_users.Count >= Capacity)
                {
                    return false;
                }
            }

            _users[user] = isNew ? issuedBefore : known;
            return true;
        }
    }

    private void RemoveExpired()
    {
        var oldest = _time.GetUtcNow() - Retention;
        if (_users.Any(user => user.Value < oldest))
        {
            var kept = _users.Where(user => user.Value >= oldest).ToList();
            _users.Clear();
            kept.ForEach(user => _users.Add(user.Key, user.Value));
        }
    }

    private void Send(Entry[] entries)
    {
        try
        {
            _node.PubSub.Broadcast(new PubSubMessage(
                Topic, "revoke", _protector.Protect(JsonSerializer.SerializeToUtf8Bytes(entries)), IsBinary: true));
        }
        catch (PresenceLimitException) when (entries.Length > 1)
        {
            Send(entries[..(entries.Length / 2)]);
            Send(entries[(entries.Length / 2)..]);
        }
    }

    private void OnMessage(PubSubMessage message)
    {
        try
        {
            var hasChanged = false;
            foreach (var entry in JsonSerializer.Deserialize<Entry[]>(_protector.Unprotect(message.Body.ToArray()))!)
            {
                if (!TryAdd(entry.User, new DateTimeOffset(entry.Before, TimeSpan.Zero), out var isNew))
                {
                    _instruments.Dropped("revocations_full");
                }

                hasChanged |= isNew;
            }

            if (hasChanged)
            {
                Changed?.Invoke();
            }
        }
        catch (Exception e) when (e is CryptographicException or JsonException or ArgumentException)
        {
            _instruments.Dropped("forged_revocation");
        }
    }

    [LoggerMessage(
        Level = LogLevel.Error, Message = "Revocations of users were not sent to other nodes; the next try is soon.")]
    private static partial void LogNotSent(ILogger log, Exception error);

    private sealed record Entry(string User, long Before)
    {
        public static Entry Of(KeyValuePair<string, DateTimeOffset> user) => new(user.Key, user.Value.UtcTicks);
    }
}
