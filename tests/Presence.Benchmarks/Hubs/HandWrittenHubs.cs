using System.Collections.Concurrent;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Hosting;

namespace Presence.Benchmarks.Hubs;

/// <summary>A person as hand-written hubs send it, with what <c>Presence.SignalR</c> sends too.</summary>
public sealed record Person(string Key, long OnlineAt);

/// <summary>The people of each room on this server, by connection, as applications write it.</summary>
public sealed class Rooms
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, Person>> _rooms = new();

    public Person Add(string room, string connection, string user)
    {
        var person = new Person(user, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
        _rooms.GetOrAdd(room, static _ => new())[connection] = person;
        return person;
    }

    public Person? Remove(string room, string connection) =>
        _rooms.TryGetValue(room, out var people) && people.TryRemove(connection, out var person) ? person : null;

    public Person[] List(string room) =>
        _rooms.TryGetValue(room, out var people) ? [.. people.Values] : [];
}

/// <summary>A connection without presence.</summary>
public sealed class BareHub : Hub
{
    public Task Join(string room) => Groups.AddToGroupAsync(Context.ConnectionId, room);

    public Task Touch(string room) =>
        Clients.Group(room).SendAsync("PresenceDiff", new Person("touched", Environment.TickCount64));
}

/// <summary>Sends every join and leave to the group at once, and the list to the newcomer.</summary>
public sealed class NaiveHub(Rooms rooms) : Hub
{
    public async Task Join(string room)
    {
        Context.Items["room"] = room;
        await Groups.AddToGroupAsync(Context.ConnectionId, room);
        var person = rooms.Add(room, Context.ConnectionId, User(Context));
        await Clients.Caller.SendAsync("PresenceState", rooms.List(room));
        await Clients.Group(room).SendAsync("PresenceDiff", new { joined = new[] { person } });
    }

    public Task Touch(string room) => Clients.Group(room).SendAsync(
        "PresenceDiff", new { updated = new[] { rooms.Add(room, Context.ConnectionId, User(Context)) } });

    public override async Task OnDisconnectedAsync(Exception? exception)
    {
        if (Context.Items["room"] is string room && rooms.Remove(room, Context.ConnectionId) is { } person)
        {
            await Clients.Group(room).SendAsync("PresenceDiff", new { left = new[] { person } });
        }
    }

    internal static string User(HubCallerContext context) =>
        context.GetHttpContext()!.Request.Query["user_id"].ToString();
}

/// <summary>Sends joins, updates and leaves of 25 ms together, the first one after a quiet time at once.</summary>
public sealed class BatchedHub(Rooms rooms, RoomBatches batches) : Hub
{
    public async Task Join(string room)
    {
        Context.Items["room"] = room;
        var person = rooms.Add(room, Context.ConnectionId, NaiveHub.User(Context));
        await Groups.AddToGroupAsync(Context.ConnectionId, room);
        await Clients.Caller.SendAsync("PresenceState", rooms.List(room));
        batches.Add(room, "joined", person);
    }

    public void Touch(string room) =>
        batches.Add(room, "updated", rooms.Add(room, Context.ConnectionId, NaiveHub.User(Context)));

    public override Task OnDisconnectedAsync(Exception? exception)
    {
        if (Context.Items["room"] is string room && rooms.Remove(room, Context.ConnectionId) is { } person)
        {
            batches.Add(room, "left", person);
        }

        return Task.CompletedTask;
    }
}

/// <summary>Collects the changes of rooms and sends them every 25 ms.</summary>
public sealed class RoomBatches(IHubContext<BatchedHub> hub) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _signal = new(0);
    private Dictionary<string, List<object>> _changes = [];

    public void Add(string room, string kind, Person person)
    {
        lock (_gate)
        {
            if (!_changes.TryGetValue(room, out var changes))
            {
                _changes.Add(room, changes = []);
            }

            changes.Add(new { kind, person });
            if (_changes.Count == 1 && changes.Count == 1)
            {
                _signal.Release();
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await _signal.WaitAsync(stoppingToken);
            Dictionary<string, List<object>> changes;
            lock (_gate)
            {
                (changes, _changes) = (_changes, []);
            }

            foreach (var (room, all) in changes)
            {
                await hub.Clients.Group(room).SendAsync("PresenceDiff", all, stoppingToken);
            }

            await Task.Delay(Interval, stoppingToken);
        }
    }
}
