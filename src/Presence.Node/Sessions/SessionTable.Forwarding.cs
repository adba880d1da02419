using Presence.Crdt;
using Presence.Tracker;
using Presence.Tracker.Sessions;
using Presence.Tracker.Shard;

namespace Presence.Node.Sessions;

/// <content>
/// Passes changes on to the node that a stopping node has handed a session to: its clients stay connected until their
/// sockets close. After a resume elsewhere nothing is passed on, because another connection has the session.
/// </content>
internal sealed partial class SessionTable
{
    /// <summary>Changes a presence of a session that this node has handed over.</summary>
    /// <param name="state">The session.</param>
    /// <param name="handle">The object that the caller has.</param>
    /// <param name="kind">The change.</param>
    /// <param name="tracker">The tracker.</param>
    /// <param name="shard">The shard of the topic.</param>
    /// <param name="request">Topic, key and, for an update, metadata.</param>
    /// <returns>After an update the new entry, after an untrack the former one; null if there was none.</returns>
    /// <exception cref="NotTrackedException">An update of a presence that does not exist.</exception>
    /// <exception cref="SessionMovedException">
    /// The session was not handed over, or resumed since, or its owner does not answer.
    /// </exception>
    public async Task<PresenceEntry?> ForwardAsync(
        SessionState state, PresenceSession handle, ForwardedKind kind, string tracker, int shard, TrackRequest request)
    {
        ReplicaId heir;
        SessionStamp stamp;
        lock (_gate)
        {
            if (handle != state.Handle || state.HandedTo is not { } to)
            {
                throw new SessionMovedException();
            }

            (heir, stamp) = to;
        }

        var answer = await RequestAsync(
            heir.Node,
            number => new ForwardFrame(number, stamp.Session, stamp.Generation, kind, tracker, shard, request),
            RequestTimeout).ConfigureAwait(false);
        return answer switch
        {
            ForwardedFrame { Result: ForwardResult.Done, Entry: var entry } => entry,
            ForwardedFrame { Result: ForwardResult.NotTracked } when kind == ForwardedKind.Update =>
                throw new NotTrackedException(request.Topic, request.Key),
            ForwardedFrame { Result: ForwardResult.NotTracked } => null,
            _ => throw new SessionMovedException(),
        };
    }

    private async Task ForwardEndAsync(SessionState state, PresenceSession handle)
    {
        try
        {
            await ForwardAsync(state, handle, ForwardedKind.End, "", 0, default).ConfigureAwait(false);
        }
        catch (SessionMovedException)
        {
            // Resumed since; otherwise it ends with its grace.
        }
    }

    /// <summary>Makes a change for the node that handed the session over, unless its client has come since.</summary>
    private async Task ForwardedAsync(string from, ForwardFrame frame)
    {
        SessionState? state;
        lock (_gate)
        {
            state = _own.GetValueOrDefault(frame.Session);
        }

        var (result, entry) = (ForwardResult.Moved, (PresenceEntry?)null);
        if (state is not null && frame.Kind == ForwardedKind.End)
        {
            result = EndForwarded(state, frame.Generation) ? ForwardResult.Done : ForwardResult.Moved;
        }
        else if (state is not null
            && cluster.Shards.FirstOrDefault(s => s.Has(frame.Tracker, frame.Request.Topic)) is { } shard)
        {
            (result, entry) = await shard.RunAsync((s, now, effects) => IsUnclaimed(state, frame.Generation)
                ? Change(s, now, effects, state.Root.Id, frame)
                : (ForwardResult.Moved, null)).ConfigureAwait(false);
        }

        await cluster.SendAsync(from, new ForwardedFrame(frame.Number, result, entry)).ConfigureAwait(false);
    }

    private static (ForwardResult Result, PresenceEntry? Entry) Change(
        TrackerShard shard, TimeSpan now, ShardEffects effects, ulong process, ForwardFrame frame)
    {
        var (topic, key, meta) = frame.Request;
        try
        {
            var before = shard.Find(process, topic, key);
            if (frame.Kind == ForwardedKind.Update)
            {
                return (ForwardResult.Done, shard.Update(now, process, topic, key, _ => meta, effects));
            }

            shard.Untrack(now, process, topic, key, effects);
            return (ForwardResult.Done, before);
        }
        catch (NotTrackedException)
        {
            return (ForwardResult.NotTracked, null);
        }
    }

    private bool EndForwarded(SessionState state, Generation generation)
    {
        lock (_gate)
        {
            if (!IsUnclaimed(state, generation))
            {
                return false;
            }

            Remove(state);
        }

        state.Root.End(LeaveReason.SessionEnded);
        return true;
    }

    private static bool IsUnclaimed(SessionState state, Generation generation) => state.Generation == generation
        && state.Handle is null && state is { ReleasedTo: null, IsMoved: false } && !state.Root.IsEnded;
}
