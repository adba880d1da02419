namespace Presence.Harness.Nodes;

/// <summary>The built host with one node, as a process.</summary>
public sealed partial class NodeProcess : OwnedNode
{
    public const string AdminPassword = "correct horse battery staple";

    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(90);

    /// <summary>A lost connection is a leave at once, unless a test says otherwise.</summary>
    private static readonly KeyValuePair<string, string>[] WithoutGrace = [new("Presence:Sessions:Grace", "0s")];

    // Addresses inside network namespaces must bypass a proxy.
    private static readonly HttpClient Http = new(
        new SocketsHttpHandler { UseProxy = false })
    { Timeout = TimeSpan.FromSeconds(5) };

    private readonly NodeOptions _options;
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private NodeProcess(NodeOptions options)
        : base(options.Name, options.History) => _options = options;

    /// <summary>Gets its base URL, for example <c>http://127.0.0.1:38211/</c>.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Starts a node and waits until it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended before that, or was not ready within 90 s.</exception>
    public static async Task<NodeProcess> StartAsync(NodeOptions options)
    {
        var node = new NodeProcess(options);
        try
        {
            node.Begin();
            await node.BecomeReadyAsync();
            options.History.Add(new NodeStarted(options.History.Now, node.Name));
            return node;
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            var log = node.Log;
            await node.DisposeAsync();
            throw new InvalidOperationException($"{options.Name}: {e.Message}\n{log}", e);
        }
    }

    /// <summary>Suspends it (SIGSTOP); its connections stay open.</summary>
    /// <param name="pastItsDeath">Whether the others are expected to declare it dead meanwhile.</param>
    public void Pause(bool pastItsDeath = false)
    {
        if (pastItsDeath)
        {
            History.Add(new NodeEnded(History.Now, Name, NodeEndReason.Killed));
        }

        Signal(UnixSignal.Stop);
    }

    public void Continue() => Signal(UnixSignal.Continue);

    /// <summary>Returns whether it reports ready; false if it does not answer.</summary>
    public async Task<bool> IsReadyAsync() => await StatusAsync("health/ready") == HttpStatusCode.OK;

    /// <summary>Returns the status of a GET; null if it does not answer.</summary>
    public async Task<HttpStatusCode?> StatusAsync(string path)
    {
        try
        {
            using var response = await Http.GetAsync(new Uri(Address, path));
            return response.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return null;
        }
    }

    public async Task<string> ReadAsync(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(Address, path));
        request.Headers.Authorization = new("Basic", Convert.ToBase64String("admin:"u8.ToArray().Concat(
            System.Text.Encoding.UTF8.GetBytes(AdminPassword)).ToArray()));
        using var response = await Http.SendAsync(request);
        return await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }

    /// <summary>Returns a token with which this user may connect to any node with the same keys.</summary>
    public Task<string> TokenAsync(string user) =>
        Http.GetStringAsync(new Uri(Address, $"token?user_id={Uri.EscapeDataString(user)}"));

    private void Begin() => Begin(
        _options.Prefix,
        [
            _options.Host.Assembly,
            "--urls", _options.Url,
            "--Presence:NodeName", Name,
            "--Presence:Samples", "true",
            "--Presence:Tracker:LogLevel", "Information",
            .. _options.Settings.Concat(WithoutGrace).DistinctBy(setting => setting.Key)
                .SelectMany(setting => new[] { "--" + setting.Key, setting.Value }),
        ],
        _options.ConnectionString,
        start =>
        {
            start.WorkingDirectory = _options.Host.Content;
            start.Environment["ASPNETCORE_ENVIRONMENT"] = "Development";
            start.Environment["Presence__Admin__Password"] = AdminPassword;
        });

    private async Task BecomeReadyAsync()
    {
        var first = await Task.WhenAny(_address.Task, Ended).WaitAsync(StartWithin);
        if (first != _address.Task)
        {
            throw new InvalidOperationException("it ended before it was ready.");
        }

        Address = await _address.Task;
        await TestTimeouts.UntilAsync("the node is ready", StartWithin, IsReadyAsync);
    }

    protected override void OnLine(string line)
    {
        if (AddressLine().Match(line) is { Success: true } address)
        {
            _address.TrySetResult(new Uri(address.Groups["url"].Value));
        }
        else if (ReplicaLine().Match(line) is { Success: true } match
            && Enum.TryParse<NodeVerdict>(match.Groups["event"].Value, out var verdict))
        {
            var (node, incarnation) = (match.Groups["node"].Value, match.Groups["incarnation"].Value);
            History.Add(new VerdictReported(History.Now, Name, node, incarnation, verdict));
        }
    }

    [GeneratedRegex(@"^  \S+ +(?<url>http://[0-9.]+:\d+)")]
    private static partial Regex AddressLine();

    [GeneratedRegex(@"Tracker \S+ shard \d+: (?<event>\w+) (?<node>\S+)#(?<incarnation>\d+)")]
    private static partial Regex ReplicaLine();
}
