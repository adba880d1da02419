using Microsoft.Extensions.Options;

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
}

internal sealed class ChannelLimitsValidation : IValidateOptions<ChannelLimits>
{
    public ValidateOptionsResult Validate(string? name, ChannelLimits options)
    {
        var faults = new List<string>();
        AtLeast(nameof(options.MaxFrameBytes), options.MaxFrameBytes, 128, "so that a heartbeat fits");
        AtLeast(nameof(options.MaxChannelsPerSocket), options.MaxChannelsPerSocket, 1, "or nobody can join");
        AtLeast(nameof(options.MaxSockets), options.MaxSockets, 1, "or nobody can connect");
        AtLeast(nameof(options.MaxOutboxFrames), options.MaxOutboxFrames, 1, "so that an answer fits");
        AtLeast(nameof(options.MaxOutboxBytes), options.MaxOutboxBytes, 1, "so that an answer fits");
        AtLeast(nameof(options.MaxMailboxMessages), options.MaxMailboxMessages, 1, "so that a push fits");
        AtLeast(nameof(options.MaxPollBytes), options.MaxPollBytes, 128, "so that a frame fits");
        AtLeast(nameof(options.MaxFramesPerSecond), options.MaxFramesPerSecond, 0, "0 sets no limit");
        AtLeast(nameof(options.FrameBurst), options.FrameBurst, 1, "or every frame is one too many");
        if (options.MaxTopicBytes is < 1 or > 255)
        {
            faults.Add(Text(nameof(options.MaxTopicBytes), options.MaxTopicBytes, "from 1 to 255: binary frames give its length in one byte"));
        }

        Positive(nameof(options.PollWindow), options.PollWindow);
        Positive(nameof(options.IdleTimeout), options.IdleTimeout);
        Positive(nameof(options.SendTimeout), options.SendTimeout);
        Positive(nameof(options.CloseTimeout), options.CloseTimeout);
        Positive(nameof(options.JoinTimeout), options.JoinTimeout);
        Positive(nameof(options.FetchTimeout), options.FetchTimeout);
        Positive(nameof(options.TerminateTimeout), options.TerminateTimeout);
        if (options.DiffWindow < TimeSpan.Zero || options.DiffWindow > TimeSpan.FromSeconds(10))
        {
            faults.Add(Text(nameof(options.DiffWindow), options.DiffWindow, "from 0 to 10 s: clients see changes that much later"));
        }

        if (options.MaxDiffWindow < options.DiffWindow || options.MaxDiffWindow > TimeSpan.FromSeconds(10))
        {
            faults.Add(Text(nameof(options.MaxDiffWindow), options.MaxDiffWindow, "from DiffWindow to 10 s: clients see changes that much later"));
        }

        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);

        void AtLeast(string option, int value, int least, string why)
        {
            if (value < least)
            {
                faults.Add(Text(option, value, $"at least {least}, {why}"));
            }
        }

        void Positive(string option, TimeSpan value)
        {
            if (value <= TimeSpan.Zero)
            {
                faults.Add(Text(option, value, "more than zero"));
            }
        }
    }

    private static string Text(string option, object value, string rule) =>
        $"{ChannelLimits.Section}:{option} is {value}; it must be {rule}.";
}
