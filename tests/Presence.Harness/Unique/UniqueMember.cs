namespace Presence.Harness.Unique;

/// <summary>The program <c>Presence.UniqueMember</c> as a process of its own. What its unique processes do goes into the history.</summary>
public sealed partial class UniqueMember : OwnedMember
{
    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(60);

    private readonly UniqueTrioOptions _runs;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private UniqueMember(string name, History history, UniqueTrioOptions runs)
        : base(name, history) => _runs = runs;

    protected override string LogName => $"{_runs.Schema}-{Name}";

    /// <summary>Starts a member, again under its name if it was ended, and waits until it stands by.</summary>
    /// <exception cref="InvalidOperationException">It ended before that, or needed more than 60 s; the message has its log.</exception>
    public static async Task<UniqueMember> StartAsync(
        string name, UniqueTrioOptions runs, IMemberLines lines, FencedResource resource, History history)
    {
        var member = new UniqueMember(name, history, runs);
        member.Begin(lines, resource);
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
            throw new InvalidOperationException($"{name} did not become ready.\n{member.Log}");
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

    private void Begin(IMemberLines lines, FencedResource resource) => Begin(
        lines.Prefix,
        [
            Path.Combine(AppContext.BaseDirectory, "Presence.UniqueMember.dll"),
            "--name", Name,
            "--schema", _runs.Schema,
            "--address", lines.Address.ToString(),
            "--lease", _runs.Lease.TotalSeconds.ToString(CultureInfo.InvariantCulture),
            "--resource", resource.EndPoint.ToString(),
            .. _runs.Consistent.SelectMany(name => new[] { "--consistent", name }),
            .. _runs.Available.SelectMany(name => new[] { "--available", name }),
            .. _runs.Groups.SelectMany(name => new[] { "--group", name }),
        ],
        lines.ConnectionString);

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
