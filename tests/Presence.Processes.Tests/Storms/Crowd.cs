namespace Presence.Processes.Tests.Storms;

/// <summary>
/// People in rooms of ten, spread over all members. They update, leave and come back while they are let, and are always able to say
/// whether everybody is shown exactly who is there.
/// </summary>
internal sealed class Crowd : IAsyncDisposable
{
    private const int RoomSize = 10;
    private const int MostJoinsAtOnce = 200;

    /// <summary>Between two deeds of anybody.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _door = new(MostJoinsAtOnce);
    private readonly List<Task> _staying = [];
    private readonly List<Task> _acting = [];
    private readonly Func<IReadOnlyList<MemberProcess>> _members;
    private readonly Random _random;
    private readonly Lock _gate = new();
    private CancellationTokenSource _calm = new();
    private Task _living = Task.CompletedTask;

    private Crowd(List<Person> people, Func<IReadOnlyList<MemberProcess>> members, int seed)
    {
        People = people;
        _members = members;
        _random = new Random(seed);
    }

    public IReadOnlyList<Person> People { get; }

    /// <summary>Updates, leaves and drops that were begun.</summary>
    public int Acts { get; private set; }

    /// <param name="count">How many people, ten to a room.</param>
    /// <param name="members">Who may be joined through, at any time.</param>
    public static async Task<Crowd> GatherAsync(
        int count, Func<IReadOnlyList<MemberProcess>> members, History history, int seed)
    {
        var people = new List<Person>();
        for (var i = 0; i < count; i++)
        {
            var user = $"p{i}";
            var token = await members()[i % members().Count].TokenAsync(user);
            people.Add(new Person(user, $"room:{i / RoomSize}", token, history));
        }

        var crowd = new Crowd(people, members, seed);
        crowd._staying.AddRange(people.Select(person => person.StayAsync(crowd.Choose, crowd._door, crowd._stop.Token)));
        return crowd;
    }

    /// <summary>Lets people do things, until <see cref="CalmAsync"/>.</summary>
    public void Live()
    {
        _calm = new CancellationTokenSource();
        _living = LiveAsync(_calm.Token);
    }

    /// <summary>Nobody does anything any more but come back, and what was begun has ended.</summary>
    public async Task CalmAsync()
    {
        await _calm.CancelAsync();
        await _living;
        await Task.WhenAll(_acting);
        _acting.Clear();
        _calm.Dispose();
    }

    /// <summary>Waits until everybody is there and is shown exactly the others of the room, in their last versions.</summary>
    /// <exception cref="TimeoutException">It did not become so; the message tells for whom.</exception>
    public Task<TimeSpan> AgreeAsync(TimeSpan within) => Patience.UntilAsync(
        "everybody is shown exactly who is there",
        within,
        () => !Disagreements().Any(),
        () => string.Join('\n', Disagreements().Take(20)));

    /// <summary>Waits until a member itself counts who is there: one that has just started has nobody yet through whom it would show.</summary>
    /// <exception cref="TimeoutException">It did not become so; the message tells where.</exception>
    public async Task CountedByAsync(MemberProcess member, TimeSpan within)
    {
        IReadOnlyList<string> miscounts = [];
        await Patience.UntilAsync(
            $"{member.Name} counts who is there",
            within,
            async () => (miscounts = await MiscountsAsync(member)).Count == 0,
            () => string.Join('\n', miscounts.Take(20)));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_staying);
        _door.Dispose();
        _stop.Dispose();
    }

    private async Task<IReadOnlyList<string>> MiscountsAsync(MemberProcess member)
    {
        using var answer = JsonDocument.Parse(await member.ReadAsync("api/topics?limit=1000"));
        var counted = answer.RootElement.GetProperty("topics").EnumerateArray()
            .ToDictionary(t => t.GetProperty("topic").GetString()!, t => t.GetProperty("count").GetInt32());
        return
        [
            .. from room in People.GroupBy(person => person.Room)
               let count = counted.GetValueOrDefault(room.Key)
               where count != room.Count()
               select $"{member.Name} counts {count} of {room.Count()} in {room.Key}",
        ];
    }

    private async Task LiveAsync(CancellationToken calm)
    {
        using var pace = new PeriodicTimer(Pace);
        try
        {
            while (await pace.WaitForNextTickAsync(calm))
            {
                var (person, dice) = (People[Next(People.Count)], Next(100));
                _acting.RemoveAll(act => act.IsCompleted);
                _acting.Add(person.ActAsync(dice < 85 ? PersonAct.Update : dice < 95 ? PersonAct.Leave : PersonAct.Drop));
                Acts++;
            }
        }
        catch (OperationCanceledException)
        {
            // Calm.
        }
    }

    private IEnumerable<string> Disagreements()
    {
        foreach (var room in People.GroupBy(person => person.Room))
        {
            var away = room.Where(person => person.Client is null).ToList();
            if (away.Count > 0)
            {
                yield return $"{away.Count} of {room.Key} are not connected";
                continue;
            }

            var expected = room.ToDictionary(person => person.Client!.Presence, person => person.Acknowledged);
            foreach (var person in room)
            {
                var shown = person.Client!.Everybody;
                if (shown.Count != expected.Count
                    || shown.Any(one => !expected.TryGetValue(one.Presence, out var version) || one.Version < version))
                {
                    yield return $"{person.Client.Presence} on {person.Client.Member.Name} is shown "
                        + $"{string.Join(' ', shown.Select(one => $"{one.Presence}v{one.Version}"))} instead of "
                        + string.Join(' ', expected.Select(one => $"{one.Key}v{one.Value}"));
                }
            }
        }
    }

    private (MemberProcess Member, double Pause) Choose()
    {
        var members = _members();
        lock (_gate)
        {
            return (members[_random.Next(members.Count)], _random.NextDouble());
        }
    }

    private int Next(int most)
    {
        lock (_gate)
        {
            return _random.Next(most);
        }
    }
}
