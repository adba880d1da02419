namespace Presence.EndToEnd.Tests.Hostile;

/// <summary>
/// Users in rooms of ten, who send a message every five seconds. They check that each message of their room arrives
/// once and in order, that none of them is seen to leave, and that they stay connected.
/// </summary>
internal sealed class WellBehavedClients : IAsyncDisposable
{
    private const int RoomSize = 10;
    private const int MaxFaults = 100;
    private const int MaxJoinsAtOnce = 50;

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private readonly ConcurrentQueue<string> _faults = new();
    private readonly List<User> _users = [];
    private bool _isEnding;
    private int _sent;

    private WellBehavedClients()
    {
    }

    /// <summary>Gets what went wrong, at most 100 lines.</summary>
    public IReadOnlyCollection<string> Faults => _faults;

    /// <summary>Gets or sets where the latencies of messages are recorded.</summary>
    public Latencies Latencies { get; set; } = new();

    /// <summary>Gets the number of messages that were sent.</summary>
    public int Sent => _sent;

    /// <summary>Gets the number of rooms, <c>room:good-0</c> and so on.</summary>
    public int Rooms => _users.Count / RoomSize;

    public static async Task<WellBehavedClients> JoinAsync(string silo, int count)
    {
        var clients = new WellBehavedClients();
        using var http = new HttpClient { BaseAddress = new Uri(silo) };
        foreach (var some in Enumerable.Range(0, count).Chunk(MaxJoinsAtOnce))
        {
            clients._users.AddRange(
                await Task.WhenAll(some.Select(number => User.JoinAsync(clients, http, number))));
        }

        return clients;
    }

    /// <summary>Lets all users send in turn, until something goes wrong.</summary>
    public async Task SendAsync(TimeSpan duration)
    {
        var clock = Stopwatch.StartNew();
        using var ticks = new PeriodicTimer(Tick);
        for (var sent = 0; clock.Elapsed < duration && _faults.IsEmpty; await ticks.WaitForNextTickAsync())
        {
            for (var due = clock.Elapsed / Period * _users.Count; sent < due; sent++)
            {
                _users[_sent++ % _users.Count].Send();
            }
        }
    }

    /// <summary>Waits until everybody has got all messages.</summary>
    public Task SettleAsync() => TestTimeouts.UntilAsync(
        "every message has arrived at its room",
        TimeSpan.FromMinutes(1),
        () => !_faults.IsEmpty || _users.TrueForAll(user => user.Received == _users
            .Skip(user.Number / RoomSize * RoomSize).Take(RoomSize).Sum(other => other.Sent)),
        () => string.Join('\n', _users.Select(user => $"{user.Name}: {user.Received}").Take(20)));

    public async ValueTask DisposeAsync()
    {
        _isEnding = true;
        foreach (var user in _users)
        {
            await user.DisposeAsync();
        }
    }

    private void Fault(string what)
    {
        if (!_isEnding && _faults.Count < MaxFaults)
        {
            _faults.Enqueue(what);
        }
    }

    private sealed class User : IAsyncDisposable
    {
        private readonly WellBehavedClients _owner;
        private readonly PhoenixSocket _socket;
        private readonly PhoenixChannel _channel;
        private readonly int[] _last = new int[RoomSize];

        private User(WellBehavedClients owner, PhoenixSocket socket, int number)
        {
            (_owner, _socket, Number) = (owner, socket, number);
            _channel = socket.Channel($"room:good-{number / RoomSize}")
                .On("message", OnMessage).On("presence_diff", OnDiff);
            _ = socket.Closed.ContinueWith(
                closed => owner.Fault($"{Name} was cut off: {closed.Result}"), TaskScheduler.Default);
        }

        public int Number { get; }

        public string Name => $"good-{Number}";

        public int Sent { get; private set; }

        public int Received => _last.Sum();

        public static async Task<User> JoinAsync(WellBehavedClients owner, HttpClient http, int number)
        {
            var options = new PhoenixOptions
            {
                AuthToken = await http.GetStringAsync($"/token?user_id=good-{number}"),
                Timeout = TimeSpan.FromMinutes(1),
            };
            var socket = await PhoenixSocket.ConnectAsync(new Uri(http.BaseAddress!, "auth_socket"), options);
            var user = new User(owner, socket, number);
            await user._channel.JoinAsync(new { meta = new { number } });
            return user;
        }

        public void Send() => _ = SendAsync();

        public ValueTask DisposeAsync() => _socket.DisposeAsync();

        private async Task SendAsync()
        {
            try
            {
                var message = new { by = Number % RoomSize, n = ++Sent, at = Stopwatch.GetTimestamp() };
                await _channel.PushAsync("message", message);
            }
            catch (PhoenixException e)
            {
                _owner.Fault($"{Name} could not send: {e.Message}");
            }
        }

        private void OnMessage(JsonElement message)
        {
            if (!message.TryGetProperty("by", out var sender))
            {
                return;
            }

            var (by, n) = (sender.GetInt32(), message.GetProperty("n").GetInt32());
            _owner.Latencies.Add(Stopwatch.GetElapsedTime(message.GetProperty("at").GetInt64()));
            if (n != _last[by] + 1)
            {
                _owner.Fault($"{Name} got message {n} of {by} after message {_last[by]}");
            }

            _last[by] = n;
        }

        /// <summary>An update is a leave and a join.</summary>
        private void OnDiff(JsonElement diff)
        {
            var joins = diff.GetProperty("joins");
            foreach (var left in diff.GetProperty("leaves").EnumerateObject())
            {
                if (left.Name.StartsWith("good-", StringComparison.Ordinal) && !joins.TryGetProperty(left.Name, out _))
                {
                    _owner.Fault($"{Name} saw {left.Name} leave");
                }
            }
        }
    }
}
