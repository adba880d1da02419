using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Presence.Node;

namespace Presence.Postgres;

/// <summary>What arrives: decoded, told apart and handed to the member, in order.</summary>
internal sealed class Reception
{
    private readonly string _self;
    private readonly ulong _incarnation;
    private readonly LinkInstruments _instruments;
    private readonly ILogger _log;
    private readonly Channel<Packet> _inbox;
    private readonly ConcurrentDictionary<string, ulong> _members = new(StringComparer.Ordinal);

    public Reception(string self, ulong incarnation, int capacity, LinkInstruments instruments, ILogger log)
    {
        _self = self;
        _incarnation = incarnation;
        _instruments = instruments;
        _log = log;
        _inbox = Channel.CreateBounded<Packet>(
            new BoundedChannelOptions(capacity) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true },
            packet => instruments.Dropped("inbox_full"));
    }

    /// <summary>The member; set before the first notification can come.</summary>
    public IClusterReceiver? Receiver { get; set; }

    /// <summary>Hears answers.</summary>
    public required Action<ulong, bool> OnAnswer { get; init; }

    /// <summary>Hears that an own greeting came back: the way through the database works.</summary>
    public required Action<ulong> OnEcho { get; init; }

    /// <summary>Sends an answer.</summary>
    public required Action<string, ulong, bool> Answer { get; init; }

    /// <summary>Reads a row; null if it is gone.</summary>
    public required Func<Guid, CancellationToken, Task<byte[]?>> Fetch { get; init; }

    /// <summary>Names of the members that are known now.</summary>
    public IReadOnlyCollection<string> Members => [.. _members.Keys];

    public bool Knows(string member) => _members.ContainsKey(member);

    /// <summary>Takes a notification, on the thread that reads the connection.</summary>
    public void Take(string payload)
    {
        _instruments.Received();
        var bytes = new byte[payload.Length / 4 * 3];
        if (!Convert.TryFromBase64String(payload, bytes, out var length) || Packet.Read(bytes.AsMemory(0, length)) is not { } packet)
        {
            _instruments.Dropped("undecodable");
            return;
        }

        if (packet.Incarnation == _incarnation && string.Equals(packet.From, _self, StringComparison.Ordinal))
        {
            if (packet.Kind == PacketKind.Hello)
            {
                OnEcho(packet.Number);
            }

            return;
        }

        switch (packet.Kind)
        {
            // Questions are about who lives: they do not queue behind what there is to do.
            case PacketKind.Ask:
                _ = Task.Run(() => AnswerAsync(packet));
                break;
            case PacketKind.Answer:
                OnAnswer(packet.Number, packet.IsYes);
                break;
            default:
                _inbox.Writer.TryWrite(packet);
                break;
        }
    }

    /// <summary>Hands over what was taken, until it is cancelled.</summary>
    public async Task PumpAsync(CancellationToken cancellation)
    {
        await foreach (var packet in _inbox.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            try
            {
                await HandOverAsync(packet, cancellation).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException && !cancellation.IsCancellationRequested)
            {
                _instruments.Dropped("receiver_failed");
                _log.ReceiverFailed(e);
            }
        }
    }

    /// <summary>Who is connected, as the table says; those not known yet are reported, and all of them after a reconnect.</summary>
    /// <param name="knownBefore">Who was known when the table was read: whoever greeted since then is not in what was read.</param>
    /// <param name="members">Who is connected.</param>
    /// <param name="isNewSession">Whether all are to be greeted.</param>
    public void Connected(
        IReadOnlyCollection<string> knownBefore, IReadOnlyList<(string Name, ulong Incarnation)> members, bool isNewSession)
    {
        foreach (var (name, incarnation) in members)
        {
            Learn(name, incarnation, greetAnew: isNewSession);
        }

        // Those without a session are not known to be gone; whoever of them returns will say so.
        foreach (var name in knownBefore.Except(members.Select(m => m.Name), StringComparer.Ordinal))
        {
            _members.TryRemove(name, out _);
        }
    }

    private async Task HandOverAsync(Packet packet, CancellationToken cancellation)
    {
        if (packet.Kind == PacketKind.Bye)
        {
            if (_members.TryGetValue(packet.From, out var known) && known <= packet.Incarnation)
            {
                _members.TryRemove(new(packet.From, known));
            }

            if (packet.From != _self)
            {
                Receiver!.MemberGone(packet.From, packet.Incarnation);
            }

            return;
        }

        Learn(packet.From, packet.Incarnation, greetAnew: packet.Kind == PacketKind.Hello);
        switch (packet.Kind)
        {
            case PacketKind.Frames:
                HandOverFrames(packet);
                break;
            case PacketKind.Stored:
                await HandOverStoredAsync(packet, cancellation).ConfigureAwait(false);
                break;
        }
    }

    private async Task HandOverStoredAsync(Packet pointer, CancellationToken cancellation)
    {
        byte[]? body;
        try
        {
            body = await Fetch(pointer.Id, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is Npgsql.NpgsqlException or TimeoutException)
        {
            body = null;
        }

        switch (body is null ? null : Packet.Read(body))
        {
            case { Kind: PacketKind.Frames } packet:
                HandOverFrames(packet);
                break;
            case { Kind: PacketKind.Ask } packet:
                _ = Task.Run(() => AnswerAsync(packet), cancellation);
                break;
            default:
                // Swept before this member came to it, or the database went away meanwhile.
                _instruments.Dropped("not_fetched");
                break;
        }
    }

    private void HandOverFrames(Packet packet)
    {
        if (packet.ReadFrames() is not { } frames)
        {
            _instruments.Dropped("undecodable");
            return;
        }

        foreach (var frame in frames)
        {
            try
            {
                Receiver!.Received(packet.From, frame);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _instruments.Dropped("receiver_failed");
                _log.ReceiverFailed(e);
            }
        }
    }

    private async Task AnswerAsync(Packet ask)
    {
        try
        {
            if (Receiver is { } receiver && ask.ReadFrames() is [var frame])
            {
                Answer(ask.From, ask.Number, await receiver.AskedAsync(ask.From, frame).ConfigureAwait(false));
            }
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // No answer: whoever asked hears of nothing, as from a member that is too ill to answer.
            _instruments.Dropped("receiver_failed");
            _log.ReceiverFailed(e);
        }
    }

    private void Learn(string name, ulong incarnation, bool greetAnew)
    {
        var isNews = false;
        _members.AddOrUpdate(
            name,
            _ =>
            {
                isNews = true;
                return incarnation;
            },
            (_, known) =>
            {
                isNews = incarnation > known;
                return Math.Max(known, incarnation);
            });
        if ((isNews || greetAnew) && name != _self)
        {
            Receiver!.MemberJoined(name);
        }
    }
}
