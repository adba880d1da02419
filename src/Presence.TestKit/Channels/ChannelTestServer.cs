using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Presence.Channels;
using Presence.Channels.Runtime;
using Presence.Channels.Transport;
using Presence.Node;
using Presence.TestKit.Channels;

namespace Presence.TestKit;

/// <summary>
/// One node with an application's sockets and channels, without a web server and in virtual time. Sockets connect, join
/// and push through the production code, handshake and wire format included.
/// </summary>
public sealed partial class ChannelTestServer : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly SteppedTime _time;
    private readonly PresenceSession _probe;
    private Task? _stopping;

    private ChannelTestServer(ServiceProvider services, SteppedTime time)
    {
        _services = services;
        _time = time;
        Server = services.GetRequiredService<ChannelServer>();
        Node = services.GetRequiredService<IPresenceNode>();
        _probe = Node.OpenSession("test");
    }

    /// <summary>Gets the clock of all timers. Move it with <see cref="AdvanceAsync"/>.</summary>
    public FakeTimeProvider Clock => _time;

    /// <summary>Gets the application's services.</summary>
    public IServiceProvider Services => _services;

    /// <summary>Gets the node.</summary>
    public IPresenceNode Node { get; }

    /// <summary>Gets the broadcaster, which sends to channels from outside.</summary>
    public IChannelBroadcaster Broadcaster => Server.Broadcaster;

    /// <summary>Gets the log so far, including the exceptions of channels.</summary>
    public IReadOnlyList<FakeLogRecord> Log => _services.GetFakeLogCollector().GetSnapshot();

    /// <summary>
    /// Gets or sets how long, in real time, an assertion waits for work outside of channels, and
    /// <see cref="SettleAsync"/> for a busy channel. Default 2 s. Successful assertions do not wait.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(2);

    internal ChannelServer Server { get; }

    /// <summary>Starts a node.</summary>
    /// <param name="configure">
    /// Adds the application's services and its channels (<c>AddChannels</c>). The clock, the node, token keys and an
    /// empty configuration are registered already.
    /// </param>
    /// <exception cref="OptionsValidationException">An option breaks a rule.</exception>
    /// <example>
    /// <code>
    /// await using var server = await ChannelTestServer.StartAsync(services =&gt; services.AddChannels(channels =&gt;
    ///     channels.Socket&lt;UserSocket&gt;(routes =&gt; routes.Channel&lt;RoomChannel&gt;("room:*"))));
    /// </code>
    /// </example>
    public static async Task<ChannelTestServer> StartAsync(Action<IServiceCollection> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var time = new SteppedTime();
        var services = new ServiceCollection();
        services.AddSingleton<TimeProvider>(time);
        services.AddSingleton(new ChannelActivity());
        services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddLogging(logging => logging.AddFakeLogging());
        services.AddPresence(presence => presence.NodeName = "test");
        configure(services);
        var provider = services.BuildServiceProvider();
        provider.GetService<IStartupValidator>()?.Validate();
        await EachHostedAsync(provider, start: true).ConfigureAwait(false);
        return new ChannelTestServer(provider, time);
    }

    /// <summary>Connects a client with the given parameters.</summary>
    /// <param name="parameters">An object whose properties are the client's <c>params</c>, or null.</param>
    /// <param name="authToken">The client's <c>authToken</c>, or null.</param>
    /// <exception cref="ChannelTestException">The socket rejected it. <see cref="Log"/> has its exception.</exception>
    public async Task<TestSocket> ConnectAsync<TSocket>(object? parameters = null, string? authToken = null)
        where TSocket : PresenceSocket =>
        await TryConnectAsync<TSocket>(parameters, authToken).ConfigureAwait(false)
        ?? throw new ChannelTestException($"{typeof(TSocket).Name} rejected the connection.{LogText()}");

    /// <summary>Connects a client with the given parameters; returns null if the socket rejects it.</summary>
    /// <param name="parameters">An object whose properties are the client's <c>params</c>, or null.</param>
    /// <param name="authToken">The client's <c>authToken</c>, or null.</param>
    public async Task<TestSocket?> TryConnectAsync<TSocket>(object? parameters = null, string? authToken = null)
        where TSocket : PresenceSocket
    {
        var http = TestRequest.Connecting(_services, parameters, authToken);
        var handshake = new SocketHandshake(typeof(TSocket));
        var result = await handshake.RunAsync(Server, http, SocketTokenReader.OfLongPoll(http)).ConfigureAwait(false);
        return result.IsAccepted ? TestSocket.Open(this, result) : null;
    }

    /// <summary>
    /// Moves the clock. Timers fire at their own time, and their consequences are complete before the clock moves on: a
    /// timer that a channel restarts fires again within the same call.
    /// </summary>
    /// <param name="by">The duration; its length costs nothing where no timer is due.</param>
    public async Task AdvanceAsync(TimeSpan by)
    {
        await SettleAsync().ConfigureAwait(false);
        var end = _time.GetUtcNow() + by;
        while (_time.Step(end))
        {
            await SettleAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Stops the node as a host does; open sockets get close code 1012. May be called again.</summary>
    public async ValueTask DisposeAsync() => await (_stopping ??= StopAsync()).ConfigureAwait(false);

    /// <summary>Returns log entries from warning level on, for messages of failed assertions.</summary>
    internal string LogText() => string.Concat(Log
        .Where(entry => entry.Level >= LogLevel.Warning)
        .Select(entry => $"\n  log: {entry.Message} {entry.Exception?.Message}"));

    private async Task StopAsync()
    {
        // Stopping waits for clients that do not answer a close, so the clock must move.
        var stopping = EachHostedAsync(_services, start: false);
        while (!stopping.IsCompleted)
        {
            _time.Step(_time.GetUtcNow() + TimeSpan.FromSeconds(1));
            await Task.WhenAny(stopping, Task.Delay(1)).ConfigureAwait(false);
        }

        await stopping.ConfigureAwait(false);
        await _services.DisposeAsync().ConfigureAwait(false);
    }

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
