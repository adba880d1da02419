namespace Presence.TestKit.Tests.Channels;

internal sealed class AnySocket : PresenceSocket
{
    public override string? Id => "any";

    protected override ValueTask<ConnectResult> ConnectAsync(SocketConnectContext connect) =>
        connect.Parameter("crash") is null
            ? new(ConnectResult.Accepted)
            : throw new InvalidOperationException("as asked");
}

/// <summary>A channel whose events select the behavior.</summary>
internal sealed class ObedientChannel(TimeProvider time) : Channel
{
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReplyRef _later;

    public ChannelTermination? End { get; private set; }

    public void Release() => _released.TrySetResult();

    protected override IReadOnlyCollection<string> InterceptedEvents { get; } = ["relay"];

    protected override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        if (Topic == "obey:slow")
        {
            await ElapseAsync(TimeSpan.FromSeconds(3));
        }

        return Topic == "obey:refused" ? JoinResult.Error(new { reason = "no" }) : JoinResult.Ok();
    }

    protected override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        switch (name)
        {
            case "later":
                _later = CurrentRef;
                SendAfter("reply", TimeSpan.FromSeconds(5));
                return ChannelResult.NoReply;
            case "tick":
                SendAfter("tick", TimeSpan.FromSeconds(1));
                return ChannelResult.Ok();
            case "relay":
                Broadcast("relay", payload);
                return ChannelResult.Ok();
            case "work":
                _ = Task.Run(async () =>
                {
                    await _released.Task;
                    Send("worked");
                });
                return ChannelResult.Ok();
            case "wait":
                await ElapseAsync(TimeSpan.FromSeconds(3));
                return ChannelResult.Ok();
            default:
                throw new InvalidOperationException("as asked");
        }
    }

    /// <summary>Forwards to another topic until none is left: a chain of channels.</summary>
    protected override ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        var left = payload.ToElement().GetProperty("left").GetInt32();
        if (left == 0)
        {
            Push("end_of_chain");
        }
        else
        {
            Broadcast("relay", new { left = left - 1 });
        }

        return default;
    }

    protected override ValueTask HandleInfoAsync(object message)
    {
        switch (message)
        {
            case "reply":
                Reply(_later, ChannelReply.Ok());
                break;
            case "tick":
                Push("ticked", new { at = time.GetUtcNow().ToUnixTimeSeconds() });
                SendAfter("tick", TimeSpan.FromSeconds(1));
                break;
            default:
                Push("info", new { message });
                break;
        }

        return default;
    }

    private async Task ElapseAsync(TimeSpan span)
    {
        var elapsed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var timer = time.CreateTimer(_ => elapsed.TrySetResult(), null, span, Timeout.InfiniteTimeSpan);
        await elapsed.Task;
    }

    protected override ValueTask TerminateAsync(ChannelTermination end)
    {
        End = end;
        return default;
    }
}
