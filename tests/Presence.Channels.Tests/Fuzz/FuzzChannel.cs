using Presence.Tracker;

namespace Presence.Channels.Tests.Fuzz;

/// <summary>Does a little of everything a channel can do, as the payload happens to say.</summary>
internal sealed class FuzzChannel : Channel
{
    private ReplyRef _later;

    protected internal override IReadOnlyCollection<string> InterceptedEvents { get; } = ["out"];

    protected internal override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        if (Topic.EndsWith("no", StringComparison.Ordinal))
        {
            return JoinResult.Error();
        }

        if (Topic.EndsWith("crash", StringComparison.Ordinal))
        {
            throw new InvalidOperationException("as asked");
        }

        await TrackAsync(payload.IsBinary ? "binary" : "text", PresenceMeta.Empty);
        ShowPresence();
        return JoinResult.Ok(payload);
    }

    protected internal override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        switch (name)
        {
            case "echo":
                return ChannelResult.Ok(payload);
            case "push":
                Push("pushed", payload);
                return ChannelResult.NoReply;
            case "all":
                Broadcast("told", payload);
                return ChannelResult.Ok();
            case "out":
                BroadcastFrom("out", payload);
                return ChannelResult.NoReply;
            case "later":
                _later = CurrentRef;
                Send("reply");
                return ChannelResult.NoReply;
            case "update":
                await UpdateAsync(payload.IsBinary ? "binary" : "text", PresenceMeta.Parse(payload.Bytes.Span));
                return ChannelResult.Ok();
            case "crash":
                throw new InvalidOperationException("as asked");
            case "stop":
                return ChannelResult.Stop();
            default:
                return await base.HandleInAsync(name, payload);
        }
    }

    protected internal override ValueTask HandleInfoAsync(object message)
    {
        Reply(_later, ChannelReply.Ok());
        return default;
    }
}
