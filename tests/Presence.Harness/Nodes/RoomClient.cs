using Presence.Client;

namespace Presence.Harness.Nodes;

/// <summary>A client in a room over a real WebSocket. Records its actions and observations in a history.</summary>
public sealed class RoomClient : IAsyncDisposable
{
    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(10);
    private static int s_last;

    private readonly History _history;
    private readonly PhoenixSocket _socket;
    private readonly PhoenixChannel _channel;
    private readonly ShownTopic _shown = new();
    private readonly Lock _gate = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _version;
    private bool _watchEnded;

    private RoomClient(History history, NodeProcess node, PhoenixSocket socket, string topic, string user)
    {
        _history = history;
        _socket = socket;
        Node = node;
        Topic = topic;
        User = user;
        Presence = string.Create(CultureInfo.InvariantCulture, $"{user}~{Interlocked.Increment(ref s_last)}");
        _channel = socket.Channel(topic).On("presence_state", OnState).On("presence_diff", OnDiff);
    }

    public NodeProcess Node { get; }

    public string Topic { get; }

    public string User { get; }

    /// <summary>Id of this join in the run; the field <c>id</c> of its metadata.</summary>
    public string Presence { get; }

    /// <summary>Completes with the reason when the connection ends.</summary>
    public Task<string> Closed => _socket.Closed;

    /// <summary>Gets the presences that it sees, by id of the join.</summary>
    public IReadOnlyList<Shown> Presences
    {
        get
        {
            lock (_gate)
            {
                return [.. _shown.Presences];
            }
        }
    }

    /// <summary>Connects as a user and joins.</summary>
    /// <exception cref="InvalidOperationException">The node does not answer or rejects the client.</exception>
    public static async Task<RoomClient> JoinAsync(
        NodeProcess node, string topic, string user, History history, string? token = null)
    {
        try
        {
            var socket = await PhoenixSocket.ConnectAsync(
                new Uri(node.Address, "auth_socket"),
                new PhoenixOptions { AuthToken = token ?? await node.TokenAsync(user), Timeout = Patient });
            var client = new RoomClient(history, node, socket, topic, user);
            try
            {
                await client.JoinAsync();
                return client;
            }
            catch
            {
                client.Drop();
                throw;
            }
        }
        catch (Exception e) when (e is PhoenixException or HttpRequestException)
        {
            throw new InvalidOperationException($"{user} cannot join {topic} on {node.Name}: {e.Message}", e);
        }
    }

    /// <summary>Updates its metadata to the next version.</summary>
    /// <returns>The version.</returns>
    /// <exception cref="InvalidOperationException">It was not acknowledged.</exception>
    public async Task<int> UpdateAsync()
    {
        var version = ++_version;
        _history.Add(new Updating(_history.Now, Presence, version));
        try
        {
            await _channel.PushAsync("update", new { meta = Meta(version) });
        }
        catch (PhoenixException e)
        {
            throw new InvalidOperationException($"{Presence}: {e.Message}", e);
        }

        _history.Add(new Updated(_history.Now, Presence, version));
        return version;
    }

    /// <summary>Requests the node's own count of the room: <c>(count, keys)</c>.</summary>
    /// <exception cref="InvalidOperationException">It does not answer.</exception>
    public async Task<(int Count, int Keys)> CountAsync()
    {
        try
        {
            var answer = await _channel.PushAsync("count");
            return (answer.GetProperty("count").GetInt32(), answer.GetProperty("keys").GetInt32());
        }
        catch (PhoenixException e)
        {
            throw new InvalidOperationException($"{Presence}: {e.Message}", e);
        }
    }

    /// <summary>Leaves the room and closes the connection.</summary>
    /// <exception cref="InvalidOperationException">The leave was not acknowledged.</exception>
    public async Task LeaveAsync()
    {
        _history.Add(new Ending(_history.Now, Presence));
        EndWatch();
        try
        {
            await _channel.LeaveAsync();
        }
        catch (PhoenixException e)
        {
            // The leave may still succeed later, so the connection must not count as joined.
            _socket.Abort();
            throw new InvalidOperationException($"{Presence}: {e.Message}", e);
        }

        await _socket.CloseAsync();
    }

    /// <summary>Closes the connection without a leave.</summary>
    public void Drop()
    {
        _history.Add(new Ending(_history.Now, Presence));
        EndWatch();
        _socket.Abort();
    }

    /// <summary>Waits until the visible presences meet the condition.</summary>
    /// <returns>The time, on the history's clock.</returns>
    /// <exception cref="TimeoutException">The condition was not met in time.</exception>
    public async Task<TimeSpan> UntilAsync(string what, TimeSpan within, Func<IReadOnlyCollection<Shown>, bool> isSo)
    {
        var deadline = _history.Now + within;
        while (true)
        {
            Task change;
            lock (_gate)
            {
                if (isSo(_shown.Presences))
                {
                    return _history.Now;
                }

                change = _changed.Task;
            }

            var left = deadline - _history.Now;
            if (left <= TimeSpan.Zero || await Task.WhenAny(change, Task.Delay(left)) != change)
            {
                throw new TimeoutException(
                    $"{Presence} on {Node.Name} did not see within {within.TotalSeconds:0.##} s: {what}. It sees "
                    + $"{string.Join(' ', Presences.Select(shown => shown.Presence))}.\n{_history.Tail()}");
            }
        }
    }

    /// <summary>Waits until it sees exactly these joins.</summary>
    public Task<TimeSpan> UntilShownAsync(IEnumerable<RoomClient> exactly, TimeSpan within)
    {
        var names = exactly.Select(client => client.Presence).ToHashSet(StringComparer.Ordinal);
        return UntilAsync(
            $"exactly {string.Join(' ', names)}",
            within,
            shown => shown.Count == names.Count && shown.All(one => names.Contains(one.Presence)));
    }

    public ValueTask DisposeAsync()
    {
        if (!_socket.Closed.IsCompleted)
        {
            Drop();
        }

        return _socket.DisposeAsync();
    }

    private static object Meta(string id, int version) => new { id, v = version };

    private object Meta(int version) => Meta(Presence, version);

    private async Task JoinAsync()
    {
        _history.Add(new Joining(_history.Now, Presence, Node.Name, Topic, User));
        await _channel.JoinAsync(new { meta = Meta(0) });
        _history.Add(new Joined(_history.Now, Presence));
        _ = _socket.Closed.ContinueWith(_ => EndWatch(), TaskScheduler.Default);
    }

    private void OnState(JsonElement payload)
    {
        var presences = Read(payload);
        Change(new SawState(_history.Now, Presence, Topic, presences), shown => shown.Replace(presences));
    }

    private void OnDiff(JsonElement payload)
    {
        var (joins, leaves) = (Read(payload.GetProperty("joins")), Read(payload.GetProperty("leaves")));
        Change(new SawDiff(_history.Now, Presence, Topic, joins, leaves), shown => shown.Apply(joins, leaves));
    }

    /// <summary>A client that leaves ignores later messages, for example its own leave.</summary>
    private void EndWatch()
    {
        lock (_gate)
        {
            if (!_watchEnded)
            {
                _watchEnded = true;
                _history.Add(new WatchEnded(_history.Now, Presence));
            }
        }
    }

    private void Change(HistoryEvent seen, Action<ShownTopic> change)
    {
        TaskCompletionSource waiting;
        lock (_gate)
        {
            if (_watchEnded)
            {
                return;
            }

            _history.Add(seen);
            change(_shown);
            waiting = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        waiting.SetResult();
    }

    private static List<Shown> Read(JsonElement byKey) =>
    [
        .. from key in byKey.EnumerateObject()
           from meta in key.Value.GetProperty("metas").EnumerateArray()
           select new Shown(
               key.Name,
               meta.GetProperty("phx_ref").GetString()!,
               meta.GetProperty("id").GetString()!,
               meta.GetProperty("v").GetInt32()),
    ];
}
