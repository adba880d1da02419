namespace Presence.Channels.Tests.Fuzz;

/// <summary>Does a little of everything a channel can do, as the payload happens to say.</summary>
internal sealed class FuzzChannel() : EchoChannel(new Journal())
{
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
        PushPresence();
        return JoinResult.Ok(payload);
    }

    protected internal override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        switch (name)
        {
            case "out":
                BroadcastFrom("out", payload);
                return ChannelResult.NoReply;
            case "later":
                await base.HandleInAsync(name, payload);
                Send("reply");
                return ChannelResult.NoReply;
            case "update":
                await UpdateAsync(payload.IsBinary ? "binary" : "text", PresenceMeta.Parse(payload.Bytes.Span));
                return ChannelResult.Ok();
            default:
                return await base.HandleInAsync(name, payload);
        }
    }

    protected internal override ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        Push(name, payload);
        return default;
    }

    protected internal override async ValueTask HandleInfoAsync(object message) =>
        await base.HandleInAsync("now", ChannelPayload.Empty);
}
