namespace Presence.Channels.Tests;

/// <summary>Does what its events say.</summary>
internal class EchoChannel(Journal journal) : Channel
{
    private ReplyRef _later;

    protected internal override IReadOnlyCollection<string> InterceptedEvents => ["stamped"];

    protected internal override ValueTask<JoinResult> JoinAsync(ChannelPayload payload) => new(JoinResult.Ok());

    protected internal override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        switch (name)
        {
            case "echo":
                return ChannelResult.Ok(payload);
            case "reject":
                return ChannelResult.Error(new { reason = "no" });
            case "noreply":
                return ChannelResult.NoReply;
            case "crash":
                throw new InvalidOperationException("as asked");
            case "stop":
                return ChannelResult.Stop();
            case "stop_reply":
                return ChannelResult.Stop(ChannelReply.Ok());
            case "push":
                Push("pushed", payload);
                return ChannelResult.NoReply;
            case "all":
                Broadcast("news", payload);
                return ChannelResult.Ok();
            case "others":
                BroadcastFrom("news", payload);
                return ChannelResult.Ok();
            case "later":
                _later = CurrentRef;
                return ChannelResult.NoReply;
            case "now":
                Reply(_later, ChannelReply.Ok(payload));
                return ChannelResult.NoReply;
            case "after":
                SendAfter("rang", TimeSpan.FromSeconds(5));
                return ChannelResult.Ok();
            case "hang":
                journal.Add("hanging");
                await journal.Gate.Task;
                return ChannelResult.NoReply;
            case "bad_push":
                Push("phx_close");
                return ChannelResult.NoReply;
            default:
                return await base.HandleInAsync(name, payload);
        }
    }

    protected internal override ValueTask HandleOutAsync(string name, ChannelPayload payload)
    {
        Push(name, new { stamp = NodeName });
        return default;
    }

    protected internal override ValueTask HandleInfoAsync(object message)
    {
        if (message is "throw")
        {
            throw new InvalidOperationException("as told");
        }

        Push("info", new { message });
        return default;
    }

    protected internal override ValueTask TerminateAsync(ChannelTermination end)
    {
        journal.Add($"{Topic} {end.Kind}");
        return end.Error?.Message == "as told" ? throw new InvalidOperationException("again") : default;
    }
}

/// <summary>Refuses, crashes or accepts by topic.</summary>
internal sealed class PickyChannel(Journal journal) : Channel
{
    protected internal override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        switch (Topic)
        {
            case "picky:reject":
                return new(JoinResult.Error(new { reason = "closed" }));
            case "picky:early_push":
                Push("too_early");
                return new(JoinResult.Ok());
            case "picky:slow":
                return SlowlyAsync();
            case "picky:welcome":
                return new(JoinResult.Ok(new { welcome = payload.As<Name>()?.User }));
            default:
                throw new InvalidOperationException("as asked");
        }
    }

    private async ValueTask<JoinResult> SlowlyAsync()
    {
        journal.Add("deciding");
        await journal.Gate.Task;
        await TrackAsync("late");
        return JoinResult.Ok();
    }

    private sealed record Name(string User);
}

/// <summary>Tracks the key and the metadata of its join parameters.</summary>
internal sealed class RoomChannel(Journal journal) : Channel
{
    private string _key = "";

    protected internal override async ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        var parameters = payload.ToElement();
        _key = parameters.GetProperty("key").GetString()!;
        PushPresence();
        var meta = parameters.TryGetProperty("meta", out var given) ? PresenceMeta.Parse(given.GetRawText()) : default;
        await TrackAsync(_key, meta);
        return JoinResult.Ok();
    }

    protected internal override async ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload)
    {
        switch (name)
        {
            case "update":
                await UpdateAsync(_key, PresenceMeta.Parse(payload.Bytes.Span));
                return ChannelResult.Ok();
            case "untrack":
                await UntrackAsync(_key);
                return ChannelResult.Ok();
            case "hang":
                journal.Add("hanging");
                await journal.Gate.Task;
                return ChannelResult.NoReply;
            default:
                return ChannelResult.Ok(new { count = List().Count });
        }
    }
}

/// <summary>Shows another topic's presences.</summary>
internal sealed class WatchChannel : Channel
{
    protected internal override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        PushPresence(
            Topic["watch:".Length..],
            payload.ToElement().TryGetProperty("always_members", out var always) && always.GetBoolean());
        return new(JoinResult.Ok());
    }
}
