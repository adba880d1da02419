using System.Threading.Channels;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Presence.Channels.Runtime;
using Presence.Channels.Sessions;
using Presence.Channels.Transport;
using Presence.Channels.Wire;

namespace Presence.Channels.Tests;

/// <summary>Channels on one node without a network: sessions over transports that record.</summary>
internal sealed class Harness : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _counts = [];
    private readonly List<(string Name, TimeSpan Time)> _durations = [];

    public Harness(Action<ChannelLimits>? limit = null, Func<IServiceProvider, ChannelPresence>? presence = null)
    {
        var limits = new ChannelLimits();
        limit?.Invoke(limits);
        Log = new Journal();
        var services = new ServiceCollection();
        services.AddMetrics();
        services.AddSingleton(Log);
        var table = new RouteTable();
        services.AddSingleton(table);
        if (presence is not null)
        {
            services.AddSingleton<Func<IServiceProvider, ChannelPresence>>(_ => presence);
            table.Presences.Add("room:*", typeof(ForwardingPresence));
        }

        _services = services.BuildServiceProvider();
        var meters = _services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, meters))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            lock (_counts)
            {
                var name = instrument.Name + (tags.Length > 0 ? ":" + tags[0].Value : "");
                _counts[name] = _counts.GetValueOrDefault(name) + value;
            }
        });
        _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) =>
        {
            lock (_counts)
            {
                _durations.Add((instrument.Name, TimeSpan.FromSeconds(value)));
            }
        });
        _listener.Start();
        Server = new ChannelServer(
            Node,
            Options.Create(limits),
            Options.Create(new ChannelSessionOptions()),
            new ResumeTokens(new Microsoft.AspNetCore.DataProtection.EphemeralDataProtectionProvider(), Time),
            new ChannelInstruments(meters, Time),
            Lines,
            Time,
            _services);
        Routes = new SocketRoutes(typeof(OpenSocket))
            .Channel<EchoChannel>("echo")
            .Channel<EchoChannel>("echo:*")
            .Channel<RoomChannel>("room:*")
            .Channel<PickyChannel>("picky:*")
            .Channel<WatchChannel>("watch:*");
    }

    public StubNode Node { get; } = new();
    public CountingTime Time { get; } = new();
    public ChannelServer Server { get; }
    public SocketRoutes Routes { get; }
    public Journal Log { get; }
    public FakeLogger<ChannelServer> Lines { get; } = new();

    /// <summary>Returns the durations that an instrument has recorded.</summary>
    public IReadOnlyList<TimeSpan> Durations(string name)
    {
        lock (_counts)
        {
            return [.. _durations.Where(one => one.Name == name).Select(one => one.Time)];
        }
    }

    public long Counted(string name)
    {
        lock (_counts)
        {
            return _counts.GetValueOrDefault(name);
        }
    }

    /// <summary>Advances the time by diff intervals until the work is done.</summary>
    public async Task TickUntilAsync(Task work)
    {
        using var timeout = new CancellationTokenSource(TestClient.Timeout);
        while (!work.IsCompleted && !timeout.IsCancellationRequested)
        {
            Time.Advance(TimeSpan.FromMilliseconds(25));
            await Task.Yield();
        }

        await work.WaitAsync(TestClient.Timeout);
    }

    public async Task<T> TickUntilAsync<T>(Task<T> work)
    {
        await TickUntilAsync((Task)work);
        return await work;
    }

    public TestClient Connect(string vsn = "2.0.0", string? id = null) => new(this, FrameSerializers.Find(vsn)!, id);

    public void Dispose()
    {
        _listener.Dispose();
        Server.Sockets.Dispose();
        _services.Dispose();
    }
}

/// <summary>What channels of the tests did.</summary>
internal sealed class Journal
{
    private readonly System.Threading.Channels.Channel<string> _lines =
        System.Threading.Channels.Channel.CreateUnbounded<string>();

    public TaskCompletionSource Gate { get; } = new();

    public void Add(string line) => _lines.Writer.TryWrite(line);
    public async Task<string> NextAsync() => await _lines.Reader.ReadAsync().AsTask().WaitAsync(TestClient.Timeout);
}

internal sealed class OpenSocket(string? id) : PresenceSocket
{
    public override string? Id => id;

    protected internal override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
        new(ConnectResult.Accepted);
}

/// <summary>Lets a test give the instance.</summary>
internal sealed class ForwardingPresence(Func<IServiceProvider, ChannelPresence> make,
    IServiceProvider services) : ChannelPresence
{
    private readonly ChannelPresence _inner = make(services);

    protected internal override ValueTask FetchAsync(PresenceFetch presences, CancellationToken cancellation) =>
        _inner.FetchAsync(presences, cancellation);
}

/// <summary>A client whose frames go straight to its session.</summary>
internal sealed class TestClient
{
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(20);

    private readonly RecordingTransport _transport = new();

    public TestClient(Harness harness, IFrameSerializer serializer, string? id)
    {
        Session = new SocketConnection(harness.Server, new OpenSocket(id), harness.Routes, serializer, _transport);
        Assert.True(harness.Server.Sockets.TryAdd(Session));
        Session.Open();
    }

    public SocketConnection Session { get; }
    public int? CloseCode => _transport.CloseCode;

    public async Task SendAsync(string text) => await Session.ReceiveAsync(Encoding.UTF8.GetBytes(text), false);
    public async Task SendAsync(byte[] binary) => await Session.ReceiveAsync(binary, true);
    public async Task<string> NextAsync() => (await NextFrameAsync()).ToString();

    public async Task<OutFrame> NextFrameAsync() =>
        await _transport.Frames.Reader.ReadAsync().AsTask().WaitAsync(Timeout);

    /// <summary>Sends a frame and expects the next one.</summary>
    public async Task ExpectAsync(string send, params string[] frames)
    {
        await SendAsync(send);
        foreach (var frame in frames)
        {
            Assert.Equal(frame, await NextAsync());
        }
    }

    /// <summary>Sends a frame and expects a reply with its references.</summary>
    public Task OkAsync(string send, string response = "{}") => AnswerAsync(send, "ok", response);

    public Task RejectedAsync(string send, string reason) =>
        AnswerAsync(send, "error", $$"""{"reason":"{{reason}}"}""");

    public Task JoinAsync(string topic, string reference = "1", string payload = "{}") =>
        OkAsync($"""["{reference}","{reference}","{topic}","phx_join",{payload}]""");

    /// <summary>Asserts that only the answer to a heartbeat comes.</summary>
    public Task ExpectNothingAsync() => OkAsync("""[null,"hb","phoenix","heartbeat",{}]""");

    private Task AnswerAsync(string send, string status, string response)
    {
        var references = string.Join(',', send.Split(',')[..3]);
        return ExpectAsync(
            send, $$$"""{{{references}}},"phx_reply",{"status":"{{{status}}}","response":{{{response}}}}]""");
    }

    private sealed class RecordingTransport : NullTransport
    {
        public System.Threading.Channels.Channel<OutFrame> Frames { get; } =
            System.Threading.Channels.Channel.CreateUnbounded<OutFrame>();

        public override void Send(OutFrame frame) => Frames.Writer.TryWrite(frame);
    }
}

/// <summary>Takes everything, and the first code it is closed with.</summary>
internal class NullTransport : SocketTransport
{
    public int? CloseCode { get; private set; }
    public override TimeSpan IdleTimeout => TimeSpan.FromSeconds(60);

    public override void Send(OutFrame frame)
    {
    }

    public override void Close(int code) => CloseCode ??= code;
    public override bool CutOffIfStuck(long now) => CloseCode is not null;
}
