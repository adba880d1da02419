namespace Presence.Harness.Members;

/// <summary>The built host with one member, as a process of its own.</summary>
public sealed partial class MemberProcess : OwnedMember
{
    public const string AdminPassword = "correct horse battery staple";

    private static readonly TimeSpan StartWithin = TimeSpan.FromSeconds(90);

    // Addresses inside network namespaces are no business of a proxy.
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(5) };

    private readonly MemberOptions _options;
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private MemberProcess(MemberOptions options)
        : base(options.Name, options.History) => _options = options;

    /// <summary>Where it answers, for example <c>http://127.0.0.1:38211/</c>.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>Starts a member and waits until it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended before that, or was not ready within 90 s.</exception>
    public static async Task<MemberProcess> StartAsync(MemberOptions options)
    {
        var member = new MemberProcess(options);
        try
        {
            member.Begin();
            await member.BecomeReadyAsync();
            options.History.Add(new MemberStarted(options.History.Now, member.Name));
            return member;
        }
        catch (Exception e) when (e is TimeoutException or InvalidOperationException)
        {
            var log = member.Log;
            await member.DisposeAsync();
            throw new InvalidOperationException($"{options.Name}: {e.Message}\n{log}", e);
        }
    }

    /// <summary>SIGSTOP: it does nothing any more, and its connections stay open.</summary>
    /// <param name="pastItsDeath">Whether the others are to take it for dead meanwhile, and are right in it.</param>
    public void Pause(bool pastItsDeath = false)
    {
        if (pastItsDeath)
        {
            History.Add(new MemberEnded(History.Now, Name, MemberEnd.Killed));
        }

        Signal(UnixSignal.Stop);
    }

    public void Continue() => Signal(UnixSignal.Continue);

    /// <summary>Whether it says that it takes work; false if it does not answer.</summary>
    public async Task<bool> IsReadyAsync() => await StatusAsync("health/ready") == HttpStatusCode.OK;

    /// <summary>The status of a GET; null if it does not answer.</summary>
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

    /// <summary>A token with which this user may open a socket on any member with the same keys.</summary>
    public Task<string> TokenAsync(string user) =>
        Http.GetStringAsync(new Uri(Address, $"token?user_id={Uri.EscapeDataString(user)}"));

    private void Begin() => Begin(
        _options.Prefix,
        [
            HostFiles.Assembly,
            "--urls", _options.Url,
            "--Presence:NodeName", Name,
            "--Presence:Tracker:LogLevel", "Information",
            .. _options.Settings.SelectMany(setting => new[] { "--" + setting.Key, setting.Value }),
        ],
        _options.ConnectionString,
        start =>
        {
            start.WorkingDirectory = HostFiles.Content;
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
        await Patience.UntilAsync("the member is ready", StartWithin, IsReadyAsync);
    }

    protected override void Hear(string line)
    {
        if (AddressLine().Match(line) is { Success: true } address)
        {
            _address.TrySetResult(new Uri(address.Groups["url"].Value));
        }
        else if (ReplicaLine().Match(line) is { Success: true } said
            && Enum.TryParse<MemberVerdict>(said.Groups["event"].Value, out var verdict))
        {
            var (member, incarnation) = (said.Groups["member"].Value, said.Groups["incarnation"].Value);
            History.Add(new MemberSaid(History.Now, Name, member, incarnation, verdict));
        }
    }

    [GeneratedRegex(@"^  \S+ +(?<url>http://[0-9.]+:\d+)")]
    private static partial Regex AddressLine();

    [GeneratedRegex(@"Tracker \S+ shard \d+: (?<event>\w+) (?<member>\S+)#(?<incarnation>\d+)")]
    private static partial Regex ReplicaLine();
}
