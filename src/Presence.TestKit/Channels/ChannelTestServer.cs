using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Channels;
using Presence.Node;

namespace Presence.TestKit;

/// <summary>
/// One member with an application's sockets and channels, without a web server and in virtual time: sockets connect, join and
/// push through the code that serves real ones, from the door and the wire format on.
/// </summary>
public sealed partial class ChannelTestServer : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly CapturedLog _log;
    private readonly PresenceProcess _probe;

    private ChannelTestServer(ServiceProvider services, VirtualClock clock, CapturedLog log)
    {
        _services = services;
        _log = log;
        Clock = clock;
        Server = services.GetRequiredService<ChannelServer>();
        Node = services.GetRequiredService<IPresenceNode>();
        _probe = Node.StartProcess("test");
    }

    /// <summary>The time by which all timers go. Move it with <see cref="AdvanceAsync"/>.</summary>
    public VirtualClock Clock { get; }

    /// <summary>The application's services.</summary>
    public IServiceProvider Services => _services;

    /// <summary>The member.</summary>
    public IPresenceNode Node { get; }

    /// <summary>Sends to channels from outside of them.</summary>
    public IChannelBroadcaster Broadcaster => Server.Broadcaster;

    /// <summary>What was logged so far: what a channel threw is in here.</summary>
    public IReadOnlyList<TestLogEntry> Log => _log.Entries;

    /// <summary>
    /// How long, on a real clock, an assertion waits for what only work outside of channels can still bring, and
    /// <see cref="SettleAsync"/> for a channel that does not come to rest. Default 2 s. What succeeds does not wait for it.
    /// </summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(2);

    internal ChannelServer Server { get; }

    /// <summary>Starts a member.</summary>
    /// <param name="configure">
    /// Adds the application's services and its channels (<c>AddChannels</c>). The clock, the member, keys for tokens and an
    /// empty configuration are there already.
    /// </param>
    /// <param name="clock">The time; a new clock if null.</param>
    /// <exception cref="OptionsValidationException">An option breaks a rule.</exception>
    public static async Task<ChannelTestServer> StartAsync(Action<IServiceCollection> configure, VirtualClock? clock = null)
    {
        ArgumentNullException.ThrowIfNull(configure);
        clock ??= new VirtualClock();
        var log = new CapturedLog();
        var services = new ServiceCollection();
        services.AddSingleton<TimeProvider>(clock);
        services.AddSingleton(new ChannelActivity());
        services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddLogging(logging => logging.AddProvider(log));
        services.AddPresence(presence => presence.NodeName = "test");
        configure(services);
        var provider = services.BuildServiceProvider();
        provider.GetService<IStartupValidator>()?.Validate();
        await EachHostedAsync(provider, start: true).ConfigureAwait(false);
        return new ChannelTestServer(provider, clock, log);
    }

    /// <summary>Connects, as a client with these parameters would.</summary>
    /// <param name="parameters">An object whose members are the client's <c>params</c>, or null.</param>
    /// <param name="authToken">The client's <c>authToken</c>, or null.</param>
    /// <exception cref="ChannelTestException">The socket refused. What it threw, if it did, is in <see cref="Log"/>.</exception>
    public async Task<TestSocket> ConnectAsync<TSocket>(object? parameters = null, string? authToken = null)
        where TSocket : PresenceSocket =>
        await TryConnectAsync<TSocket>(parameters, authToken).ConfigureAwait(false)
        ?? throw new ChannelTestException($"{typeof(TSocket).Name} refused the connection.{LogText()}");

    /// <summary>Connects, as a client with these parameters would; null if the socket refuses.</summary>
    /// <param name="parameters">An object whose members are the client's <c>params</c>, or null.</param>
    /// <param name="authToken">The client's <c>authToken</c>, or null.</param>
    public async Task<TestSocket?> TryConnectAsync<TSocket>(object? parameters = null, string? authToken = null)
        where TSocket : PresenceSocket
    {
        var http = TestRequest.Connecting(_services, parameters, authToken);
        var door = new SocketDoor(typeof(TSocket));
        var admission = await door.AdmitAsync(Server, http, SocketTokenReader.OfLongPoll(http)).ConfigureAwait(false);
        return admission.IsAdmitted ? TestSocket.Open(this, admission) : null;
    }

    /// <summary>
    /// Moves the clock. What becomes due happens at its own time, and everything it leads to has happened before the clock
    /// goes on: a timer that a channel sets anew fires again within the same call.
    /// </summary>
    /// <param name="by">How far; a second or an hour cost about the same where nothing is due.</param>
    public async Task AdvanceAsync(TimeSpan by)
    {
        await SettleAsync().ConfigureAwait(false);
        var end = Clock.Elapsed + by;
        while (Clock.FireNext(end))
        {
            await SettleAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Stops the member as a host does: sockets that are open get close code 1012.</summary>
    public async ValueTask DisposeAsync()
    {
        // Clients that do not answer a close are waited for; nobody else moves the clock here.
        var stopping = EachHostedAsync(_services, start: false);
        while (!stopping.IsCompleted)
        {
            Clock.FireNext(Clock.Elapsed + TimeSpan.FromSeconds(1));
            await Task.WhenAny(stopping, Task.Delay(1)).ConfigureAwait(false);
        }

        await stopping.ConfigureAwait(false);
        await _services.DisposeAsync().ConfigureAwait(false);
    }

    internal string LogText() => _log.Text;

    private static async Task EachHostedAsync(IServiceProvider services, bool start)
    {
        var hosted = services.GetServices<IHostedService>().ToList();
        if (!start)
        {
            hosted.Reverse();
        }

        foreach (var phase in start ? TestHostPhases.OfStart : TestHostPhases.OfStop)
        {
            foreach (var service in hosted)
            {
                await phase(service).ConfigureAwait(false);
            }
        }
    }
}
