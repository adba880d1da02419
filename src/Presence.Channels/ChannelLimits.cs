using Presence.Tracker.Options;

namespace Presence.Channels;

/// <summary>Limits per client of a node (<c>Presence:Limits</c>). Checked at start.</summary>
public sealed class ChannelLimits
{
    /// <summary>Name of the configuration section.</summary>
    public const string Section = "Presence:Limits";

    /// <summary>
    /// Largest frame of a client in bytes; larger ones close the socket with 1009. Default 256 KiB, at most 1 GiB.
    /// </summary>
    public int MaxFrameBytes { get; set; } = 256 * 1024;

    /// <summary>Longest topic a client may join, in bytes of UTF-8, 1 to 255. Default 255.</summary>
    public int MaxTopicBytes { get; set; } = 255;

    /// <summary>Channels on one socket; a further join gets <c>too many channels joined</c>. Default 100.</summary>
    public int MaxChannelsPerSocket { get; set; } = 100;

    /// <summary>Sockets on one node; a further one is answered with status 503. Default 100,000.</summary>
    public int MaxSockets { get; set; } = 100_000;

    /// <summary>Frames queued per socket; a client that falls further behind is disconnected. Default 4096.</summary>
    public int MaxSendQueueFrames { get; set; } = 4096;

    /// <summary>Bytes queued per socket; one frame of any size always fits. Default 8 MiB.</summary>
    public int MaxSendQueueBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>Messages queued per channel; more pushes get <c>channel busy</c>. Default 1000.</summary>
    public int MaxMailboxMessages { get; set; } = 1000;

    /// <summary>
    /// Bytes of all clients of a node that wait: to be sent, to be handled, or for the rest of their frame. Beyond it,
    /// the client with the most is cut off. A frame shared by many counts once. Default 256 MiB, and never more than a
    /// sixth of the memory that the process may use; while three quarters of that are used, it falls by half.
    /// </summary>
    public long MaxWaitingBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>
    /// Average frames per second of one client, pings and parts of messages included. Faster clients are read more
    /// slowly, and closed with 1008 after <see cref="ThrottleTimeout"/>. Default 100; 0: no limit.
    /// </summary>
    public int MaxFramesPerSecond { get; set; } = 100;

    /// <summary>Frames a client may send at once within that average. Default 1000.</summary>
    public int FrameBurst { get; set; } = 1000;

    /// <summary>
    /// Average bytes per second of one client; as <see cref="MaxFramesPerSecond"/>. Default 1 MiB; 0: no limit.
    /// </summary>
    public int MaxBytesPerSecond { get; set; } = 1024 * 1024;

    /// <summary>Bytes a client may send at once within that average. Default 4 MiB.</summary>
    public int ByteBurst { get; set; } = 4 * 1024 * 1024;

    /// <summary>How long a client may be too fast without a pause of a second. Default 10 s.</summary>
    public TimeSpan ThrottleTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How late the work of the node may be before it is busy: then clients that send more than
    /// <see cref="BusyFramesPerSecond"/> are read more slowly. What they send beyond it is limited to 2,000 frames per
    /// second together at first, more while the node is not busy. Default 10 ms; zero: no such limit.
    /// </summary>
    public TimeSpan BusyDelay { get; set; } = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// The part of its processors that the node may use before it is busy, more than 0 to 1. The rest is for clients
    /// that send little. Default 0.4; 1: only <see cref="BusyDelay"/> counts.
    /// </summary>
    public double BusyProcessor { get; set; } = 0.4;

    /// <summary>
    /// Average frames per second that each client may send even if the node is busy, ten times as many at once. 4 KiB,
    /// a fourth of a join, and ten receivers of a broadcast count as a frame. Default 10; below 214,748,364.
    /// </summary>
    public int BusyFramesPerSecond { get; set; } = 10;

    /// <summary>
    /// Sockets of one address (IPv6: /64 network) on a node; the next is answered 429. Default 10,000; 0: no limit.
    /// </summary>
    public int MaxSocketsPerAddress { get; set; } = 10_000;

    /// <summary>
    /// Sockets with one <see cref="PresenceSocket.Id"/> on a node; a further one is answered 429. Default 1000; 0: no
    /// limit.
    /// </summary>
    public int MaxSocketsPerUser { get; set; } = 1000;

    /// <summary>
    /// Average handshakes per second of a node; more are answered 429. Ten times as many may come at once. Default
    /// 1000; 0: no limit.
    /// </summary>
    public int MaxHandshakesPerSecond { get; set; } = 1000;

    /// <summary>The same for one address (IPv6: /64 network). Default 500; 0: no limit.</summary>
    public int MaxHandshakesPerAddress { get; set; } = 500;

    /// <summary>
    /// Largest body of frames that a long-polling client may post, in bytes. Default 4 MiB, at most 1 GiB.
    /// </summary>
    public int MaxLongPollBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// How long a long poll waits for frames, and a posted frame for its turn. Default 10 s; less than 20 s, after
    /// which the stock client gives up. A connection without polls for 1.5 times as long is closed.
    /// </summary>
    public TimeSpan LongPollTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Silence until a WebSocket is closed with 1001; heartbeats come every 30 s, once a minute from hidden tabs. Any
    /// frame counts, pings too. Default 90 s.
    /// </summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(90);

    /// <summary>How long one frame may take to be accepted by a client that does not read. Default 30 s.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a closing client may take to answer. Default 5 s.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Time limit of a join; then the client gets <c>join timeout</c>. Default 10 s, like the stock client.
    /// </summary>
    public TimeSpan JoinTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time limit of <see cref="ChannelPresence.FetchAsync"/>. Default 5 s.</summary>
    public TimeSpan FetchTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a channel that was replaced, or whose socket closed, may take to end before it is abandoned and its
    /// presences are removed. Default 5 s.
    /// </summary>
    public TimeSpan TerminateTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Minimum time between two <c>presence_diff</c> of one topic. The first change after a quiet time is sent at once;
    /// later changes within the interval are sent together. Default 25 ms; zero sends each change at once, whatever the
    /// load.
    /// </summary>
    public TimeSpan DiffInterval { get; set; } = TimeSpan.FromMilliseconds(25);

    /// <summary>
    /// Maximum of the interval while messages are expensive: it is at least 20 us plus 4 ns per byte for each client
    /// that received the last message, about the time needed to reach all of them. Default 250 ms; at least
    /// <see cref="DiffInterval"/>.
    /// </summary>
    public TimeSpan MaxDiffInterval { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <exception cref="ArgumentException">A value breaks a rule; the message says which.</exception>
    internal void Validate()
    {
        var rules = new OptionRules($"{Section}:");
        const int MaxBuffer = 1024 * 1024 * 1024;
        rules.Require(
            MaxFrameBytes is >= 128 and <= MaxBuffer,
            MaxFrameBytes,
            "must be at least 128, so that a heartbeat fits, and at most 1 GiB");
        rules.Require(
            MaxTopicBytes is >= 1 and <= 255,
            MaxTopicBytes,
            "must be from 1 to 255: binary frames give its length in one byte");
        rules.Require(MaxChannelsPerSocket >= 1, MaxChannelsPerSocket, "must be at least 1, or nobody can join");
        rules.Require(MaxSockets >= 1, MaxSockets, "must be at least 1, or nobody can connect");
        rules.Require(MaxSendQueueFrames >= 1, MaxSendQueueFrames, "must be at least 1, so that an answer fits");
        rules.Require(MaxSendQueueBytes >= 1, MaxSendQueueBytes, "must be at least 1, so that an answer fits");
        rules.Require(MaxMailboxMessages >= 1, MaxMailboxMessages, "must be at least 1, so that a push fits");
        rules.Require(
            MaxLongPollBytes is >= 128 and <= MaxBuffer,
            MaxLongPollBytes,
            "must be at least 128, so that a frame fits, and at most 1 GiB");
        rules.Require(MaxFramesPerSecond >= 0, MaxFramesPerSecond, "must be at least 0, which sets no limit");
        rules.Require(FrameBurst >= 1, FrameBurst, "must be at least 1, or every frame is one too many");
        rules.Require(MaxWaitingBytes >= MaxFrameBytes, MaxWaitingBytes, "must be at least MaxFrameBytes");
        rules.Require(MaxBytesPerSecond >= 0, MaxBytesPerSecond, "must be at least 0, which sets no limit");
        rules.Require(ByteBurst >= 1, ByteBurst, "must be at least 1, or every frame is too large");
        rules.RequireWait(ThrottleTimeout > TimeSpan.Zero, ThrottleTimeout, "must be more than zero");
        rules.RequireWait(BusyDelay >= TimeSpan.Zero, BusyDelay, "must not be negative; zero: the node is never busy");
        rules.Require(BusyProcessor is > 0 and <= 1, BusyProcessor, "must be more than 0, and at most 1");
        rules.Require(MaxSocketsPerAddress >= 0, MaxSocketsPerAddress, "must be at least 0, which sets no limit");
        rules.Require(MaxSocketsPerUser >= 0, MaxSocketsPerUser, "must be at least 0, which sets no limit");
        const int MaxRate = int.MaxValue / 10;
        const string Rate = "must be at least 0, which sets no limit, and below 214748364";
        rules.Require(
            BusyFramesPerSecond is >= 1 and < MaxRate,
            BusyFramesPerSecond,
            "must be at least 1, or nothing is read, and below 214748364");
        rules.Require(MaxHandshakesPerSecond is >= 0 and < MaxRate, MaxHandshakesPerSecond, Rate);
        rules.Require(MaxHandshakesPerAddress is >= 0 and < MaxRate, MaxHandshakesPerAddress, Rate);
        rules.Require(
            LongPollTimeout > TimeSpan.Zero && LongPollTimeout < TimeSpan.FromSeconds(20),
            LongPollTimeout,
            "must be more than zero and less than 20 s, after which the stock client gives up a poll");
        rules.RequireWait(IdleTimeout > TimeSpan.Zero, IdleTimeout, "must be more than zero");
        rules.RequireWait(SendTimeout > TimeSpan.Zero, SendTimeout, "must be more than zero");
        rules.RequireWait(CloseTimeout > TimeSpan.Zero, CloseTimeout, "must be more than zero");
        rules.RequireWait(JoinTimeout > TimeSpan.Zero, JoinTimeout, "must be more than zero");
        rules.RequireWait(FetchTimeout > TimeSpan.Zero, FetchTimeout, "must be more than zero");
        rules.RequireWait(TerminateTimeout > TimeSpan.Zero, TerminateTimeout, "must be more than zero");
        var max = TimeSpan.FromSeconds(10);
        rules.Require(
            DiffInterval >= TimeSpan.Zero && DiffInterval <= max,
            DiffInterval,
            "must be from 0 to 10 s: clients see changes that much later");
        rules.Require(
            MaxDiffInterval >= DiffInterval && MaxDiffInterval <= max,
            MaxDiffInterval,
            "must be from DiffInterval to 10 s: clients see changes that much later");
    }
}
