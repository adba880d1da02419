using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Hosting;
using Presence.Node;

namespace Presence.Channels;

/// <summary>The revoked users of the cluster, in the memory of each node.</summary>
/// <remarks>
/// Nodes send each other what they know by pub/sub, and all of it when the set of nodes changes. Messages are protected
/// with the keys of the cluster, so that no channel can forge one.
/// </remarks>
internal sealed class SocketRevocations : IHostedService, IDisposable
{
    /// <summary>How long a revocation is kept; tokens must not be valid for longer.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(14);

    private const string Topic = "presence.revocations";
    private const int Capacity = 100_000;
    private const int MaxPerMessage = 1000;

    private static readonly TimeSpan CheckInterval = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, DateTimeOffset> _users = new(StringComparer.Ordinal);
    private readonly IPresenceNode _node;
    private readonly IDataProtector _protector;
    private readonly TimeProvider _time;
    private readonly ChannelInstruments _instruments;
    private IDisposable? _subscription;
    private ITimer? _timer;
    private string _nodes = "";

    public SocketRevocations(
        IPresenceNode node, IDataProtectionProvider protection, TimeProvider time, ChannelInstruments instruments)
    {
        (_node, _time, _instruments) = (node, time, instruments);
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
        if (!TryAdd(user, issuedBefore))
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

    /// <summary>Forgets what no token can have any more; tells nodes that have come.</summary>
    private void Check()
    {
        var nodes = string.Join('\n', _node.Nodes().Where(n => n.Status == "up").Select(n => n.Name).Order());
        Entry[] all;
        lock (_gate)
        {
            RemoveExpired();
            if (nodes == _nodes)
            {
                return;
            }

            _nodes = nodes;
            all = [.. _users.Select(user => new Entry(user.Key, user.Value.UtcTicks))];
        }

        foreach (var part in all.Chunk(MaxPerMessage))
        {
            Send(part);
        }
    }

    private bool TryAdd(string user, DateTimeOffset issuedBefore)
    {
        lock (_gate)
        {
            if (!_users.TryGetValue(user, out var known) && _users.Count >= Capacity)
            {
                RemoveExpired();
                if (_users.Count >= Capacity)
                {
                    return false;
                }
            }

            _users[user] = known > issuedBefore ? known : issuedBefore;
            return true;
        }
    }

    private void RemoveExpired()
    {
        var oldest = _time.GetUtcNow() - Retention;
        foreach (var (user, before) in _users)
        {
            if (before < oldest)
            {
                // Removing while enumerating is allowed for dictionaries.
                _users.Remove(user);
            }
        }
    }

    private void Send(Entry[] entries) => _node.PubSub.Broadcast(new PubSubMessage(
        Topic, "revoke", _protector.Protect(JsonSerializer.SerializeToUtf8Bytes(entries)), IsBinary: true));

    private void OnMessage(PubSubMessage message)
    {
        try
        {
            foreach (var entry in JsonSerializer.Deserialize<Entry[]>(_protector.Unprotect(message.Body.ToArray()))!)
            {
                if (!TryAdd(entry.User, new DateTimeOffset(entry.Before, TimeSpan.Zero)))
                {
                    _instruments.Dropped("revocations_full");
                }
            }

            Changed?.Invoke();
        }
        catch (Exception e) when (e is CryptographicException or JsonException or ArgumentException)
        {
            _instruments.Dropped("forged_revocation");
        }
    }

    private sealed record Entry(string User, long Before);
}
