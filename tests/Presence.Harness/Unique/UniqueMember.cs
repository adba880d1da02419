namespace Presence.Harness.Unique;

/// <summary>How a member that runs unique processes is started.</summary>
public sealed record UniqueMemberOptions
{
    /// <summary>Its name in the cluster; a member that was ended may come back under it.</summary>
    public required string Name { get; init; }

    public required string ConnectionString { get; init; }

    /// <summary>Where it listens for the others.</summary>
    public required IPAddress Address { get; init; }

    /// <summary>What it runs; the same for all members of the cluster.</summary>
    public required UniqueTrioOptions Runs { get; init; }

    /// <summary>Where the <see cref="FencedResource"/> is.</summary>
    public required IPEndPoint Resource { get; init; }

    /// <summary>Words before its command line, for example to enter a network namespace.</summary>
    public IReadOnlyList<string> Prefix { get; init; } = [];

    public required History History { get; init; }
}

/// <summary>The program <c>Presence.UniqueMember</c> as a process of its own. What its unique processes do goes into the history.</summary>
public sealed partial class UniqueMember : OwnedMember
{
    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(60);

    private readonly UniqueMemberOptions _options;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private UniqueMember(UniqueMemberOptions options)
        : base(options.Name, options.History) => _options = options;

    protected override string LogName => $"{_options.Runs.Schema}-{Name}";

    /// <summary>Starts a member and waits until it stands by.</summary>
    /// <exception cref="InvalidOperationException">It ended before that, or needed more than 60 s; the message has its log.</exception>
    public static async Task<UniqueMember> StartAsync(UniqueMemberOptions options)
    {
        var member = new UniqueMember(options);
        member.Begin();
        try
        {
            await Task.WhenAny(member._ready.Task, member.Ended).WaitAsync(StartWithin);
        }
        catch (TimeoutException)
        {
            // Told below.
        }

        if (!member._ready.Task.IsCompleted)
        {
            await member.DisposeAsync();
            throw new InvalidOperationException($"{options.Name} did not become ready.\n{member.Log}");
        }

        return member;
    }

    public void Pause()
    {
        History.Add(new MemberPaused(History.Now, Name));
        Signal(UnixSignal.Stop);
    }

    public void Continue()
    {
        Signal(UnixSignal.Continue);
        History.Add(new MemberContinued(History.Now, Name));
    }

    private void Begin() => Begin(
        _options.Prefix,
        [
            Path.Combine(AppContext.BaseDirectory, "Presence.UniqueMember.dll"),
            "--name", Name,
            "--schema", _options.Runs.Schema,
            "--address", _options.Address.ToString(),
            "--lease", _options.Runs.Lease.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            "--resource", _options.Resource.ToString(),
            .. _options.Runs.Consistent.SelectMany(name => new[] { "--consistent", name }),
            .. _options.Runs.Available.SelectMany(name => new[] { "--available", name }),
            .. _options.Runs.Groups.SelectMany(name => new[] { "--group", name }),
        ],
        _options.ConnectionString);

    protected override void Hear(string line)
    {
        if (ReportLine().Match(line) is not { Success: true } told)
        {
            return;
        }

        var at = History.At(long.Parse(told.Groups["at"].Value, CultureInfo.InvariantCulture));
        var words = told.Groups["what"].Value.Split(' ');
        switch (words[0])
        {
            case "ready":
                History.Add(new MemberStarted(at, Name));
                _ready.TrySetResult();
                break;
            case "began":
                var epoch = words[3] == "-" ? (long?)null : long.Parse(words[3], CultureInfo.InvariantCulture);
                History.Add(new TermBegan(at, words[1], words[2], Name, epoch));
                break;
            case "ended":
                History.Add(new TermEnded(at, words[1], words[2], words[3] == "-" ? null : words[3]));
                break;
            case "starved":
                History.Add(new MemberStarved(at, Name, TimeSpan.FromMilliseconds(long.Parse(words[1], CultureInfo.InvariantCulture))));
                break;
        }
    }

    [GeneratedRegex(@"^@(?<at>\d+) (?<what>.*)$")]
    private static partial Regex ReportLine();
}
