using Presence.Tracker;

namespace Presence.Channels;

/// <summary>What one client may use of a member (<c>Presence:Limits</c>). Checked at start.</summary>
public sealed class ChannelLimits
{
    /// <summary>Section of the configuration.</summary>
    public const string Section = "Presence:Limits";

    /// <summary>Largest frame from a client, in bytes; a larger one closes the socket with 1009. Default 256 KiB.</summary>
    public int MaxFrameBytes { get; set; } = 256 * 1024;

    /// <summary>Longest topic a client may join, in bytes of UTF-8, 1 to 255. Default 255.</summary>
    public int MaxTopicBytes { get; set; } = 255;

    /// <summary>Channels on one socket; a further join gets <c>too many channels joined</c>. Default 100.</summary>
    public int MaxChannelsPerSocket { get; set; } = 100;

    /// <summary>Sockets on one member; a further one is answered with status 503. Default 100,000.</summary>
    public int MaxSockets { get; set; } = 100_000;

    /// <summary>Frames that may wait for one socket; a client that falls further behind is cut off. Default 4096.</summary>
    public int MaxOutboxFrames { get; set; } = 4096;

    /// <summary>Bytes that may wait for one socket, at least one frame of any size. Default 8 MiB.</summary>
    public int MaxOutboxBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>Messages that may wait for one channel. Then pushes get <c>channel busy</c>, others are dropped. Default 1000.</summary>
    public int MaxMailboxMessages { get; set; } = 1000;

    /// <summary>Frames a second that a socket may send, on average; beyond, it is closed with 1008. Default 0: no limit.</summary>
    public int MaxFramesPerSecond { get; set; }

    /// <summary>Frames a socket may send at once within that average. Default 100.</summary>
    public int FrameBurst { get; set; } = 100;

    /// <summary>Largest body of frames that a long-polling client may post, in bytes. Default 4 MiB.</summary>
    public int MaxPollBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// How long a long poll waits for frames, and a posted frame for its turn. Must stay below the 20 s after which clients
    /// give up; a session without polls for one and a half times as long ends. Default 10 s.
    /// </summary>
    public TimeSpan PollWindow { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A WebSocket that sends nothing for so long is closed with 1001. Clients send a heartbeat every 30 s. Default 60 s.</summary>
    public TimeSpan IdleTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>How long one frame may take to be accepted by a client that does not read. Default 30 s.</summary>
    public TimeSpan SendTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a closing client may take to answer. Default 5 s.</summary>
    public TimeSpan CloseTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a channel may take to decide about a join; then the client is told <c>join timeout</c> and may try again.
    /// Default 10 s, after which the stock client gives up waiting.
    /// </summary>
    public TimeSpan JoinTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long <see cref="ChannelPresence.FetchAsync"/> may take; then presences go out without. Default 5 s.</summary>
    public TimeSpan FetchTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How long a channel that is replaced, or whose socket is gone, may take to end before it is abandoned and its presences leave.
    /// Default 5 s.
    /// </summary>
    public TimeSpan TerminateTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Least time between two <c>presence_diff</c> of one topic. The first change after a quiet time leaves at once; those
    /// within the window leave together. Default 25 ms; zero sends each as it comes, whatever the load.
    /// </summary>
    public TimeSpan DiffWindow { get; set; } = TimeSpan.FromMilliseconds(25);

    /// <summary>
    /// What the window may grow to while messages are expensive: it is never shorter than 20 us and 4 ns a byte for each
    /// client that the last message went to, about the time it takes to reach them all. Default 250 ms; at least
    /// <see cref="DiffWindow"/>.
    /// </summary>
    public TimeSpan MaxDiffWindow { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    internal void Validate()
    {
        var rules = new OptionRules($"{Section}:");
        rules.Require(MaxFrameBytes >= 128, MaxFrameBytes, "must be at least 128, so that a heartbeat fits");
        rules.Require(
            MaxTopicBytes is >= 1 and <= 255,
            MaxTopicBytes,
            "must be from 1 to 255: binary frames give its length in one byte");
        rules.Require(MaxChannelsPerSocket >= 1, MaxChannelsPerSocket, "must be at least 1, or nobody can join");
        rules.Require(MaxSockets >= 1, MaxSockets, "must be at least 1, or nobody can connect");
        rules.Require(MaxOutboxFrames >= 1, MaxOutboxFrames, "must be at least 1, so that an answer fits");
        rules.Require(MaxOutboxBytes >= 1, MaxOutboxBytes, "must be at least 1, so that an answer fits");
        rules.Require(MaxMailboxMessages >= 1, MaxMailboxMessages, "must be at least 1, so that a push fits");
        rules.Require(MaxPollBytes >= 128, MaxPollBytes, "must be at least 128, so that a frame fits");
        rules.Require(MaxFramesPerSecond >= 0, MaxFramesPerSecond, "must be at least 0, which sets no limit");
        rules.Require(FrameBurst >= 1, FrameBurst, "must be at least 1, or every frame is one too many");
        rules.Require(PollWindow > TimeSpan.Zero, PollWindow, "must be more than zero");
        rules.Require(IdleTimeout > TimeSpan.Zero, IdleTimeout, "must be more than zero");
        rules.Require(SendTimeout > TimeSpan.Zero, SendTimeout, "must be more than zero");
        rules.Require(CloseTimeout > TimeSpan.Zero, CloseTimeout, "must be more than zero");
        rules.Require(JoinTimeout > TimeSpan.Zero, JoinTimeout, "must be more than zero");
        rules.Require(FetchTimeout > TimeSpan.Zero, FetchTimeout, "must be more than zero");
        rules.Require(TerminateTimeout > TimeSpan.Zero, TerminateTimeout, "must be more than zero");
        var most = TimeSpan.FromSeconds(10);
        rules.Require(
            DiffWindow >= TimeSpan.Zero && DiffWindow <= most,
            DiffWindow,
            "must be from 0 to 10 s: clients see changes that much later");
        rules.Require(
            MaxDiffWindow >= DiffWindow && MaxDiffWindow <= most,
            MaxDiffWindow,
            "must be from DiffWindow to 10 s: clients see changes that much later");
    }
}
