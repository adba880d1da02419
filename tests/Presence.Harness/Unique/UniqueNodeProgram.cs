namespace Presence.Harness.Unique;

/// <summary>The program <c>Presence.UniqueNode</c> as a process; its events are recorded in the history.</summary>
public sealed partial class UniqueNodeProgram : OwnedNode
{
    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(60);

    private readonly UniqueTrioOptions _runs;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private UniqueNodeProgram(string name, History history, UniqueTrioOptions runs)
        : base(name, history) => _runs = runs;

    protected override string LogName => $"{_runs.Schema}-{Name}";

    /// <summary>Starts or restarts a node, and waits until it is on standby.</summary>
    /// <exception cref="InvalidOperationException">
    /// It ended, or took more than 60 s; the message has its log.
    /// </exception>
    public static async Task<UniqueNodeProgram> StartAsync(
        string name, UniqueTrioOptions runs, INodeOutput lines, FencedResource resource, History history)
    {
        var node = new UniqueNodeProgram(name, history, runs);
        node.Begin(lines, resource);
        try
        {
            await Task.WhenAny(node._ready.Task, node.Ended).WaitAsync(StartWithin);
        }
        catch (TimeoutException)
        {
            // Reported below.
        }

        if (!node._ready.Task.IsCompleted)
        {
            await node.DisposeAsync();
            throw new InvalidOperationException($"{name} did not become ready.\n{node.Log}");
        }

        return node;
    }

    public void Pause()
    {
        History.Add(new NodePaused(History.Now, Name));
        Signal(UnixSignal.Stop);
    }

    public void Continue()
    {
        Signal(UnixSignal.Continue);
        History.Add(new NodeContinued(History.Now, Name));
    }

    private void Begin(INodeOutput lines, FencedResource resource) => Begin(
        lines.Prefix,
        [
            Path.Combine(AppContext.BaseDirectory, "Presence.UniqueNode.dll"),
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

    protected override void OnLine(string line)
    {
        if (ReportLine().Match(line) is not { Success: true } match)
        {
            return;
        }

        var at = History.At(long.Parse(match.Groups["at"].Value, CultureInfo.InvariantCulture));
        var words = match.Groups["what"].Value.Split(' ');
        switch (words[0])
        {
            case "ready":
                History.Add(new NodeStarted(at, Name));
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
                History.Add(new NodeStarved(
                    at, Name, TimeSpan.FromMilliseconds(long.Parse(words[1], CultureInfo.InvariantCulture))));
                break;
        }
    }

    [GeneratedRegex(@"^@(?<at>\d+) (?<what>.*)$")]
    private static partial Regex ReportLine();
}
