using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>Tracks a grain's own presence, which ends when the grain is deactivated.</summary>
/// <remarks>
/// An activation has one session, whatever the number of its topics and keys. Call these methods from the grain's own
/// code. After migration or reactivation the grain has a new session, unless it resumes the former one with its token:
/// track again on activation.
/// </remarks>
public static class GrainPresence
{
    /// <summary>Makes this activation present until it is deactivated or untracked.</summary>
    /// <exception cref="AlreadyTrackedException">The activation is already present there.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    public static ValueTask<PresenceEntry> TrackPresenceAsync(
        this IGrainBase grain,
        string topic,
        string key,
        PresenceMeta meta = default, CancellationToken cancellation = default) =>
        Node(grain).Tracker.TrackAsync(GetPresenceSession(grain), topic, key, meta, cancellation);

    /// <summary>Replaces the metadata.</summary>
    /// <exception cref="NotTrackedException">The activation is not present under this topic and key.</exception>
    public static ValueTask<PresenceEntry> UpdatePresenceAsync(
        this IGrainBase grain,
        string topic,
        string key,
        PresenceMeta meta, CancellationToken cancellation = default) =>
        Node(grain).Tracker.UpdateAsync(GetPresenceSession(grain), topic, key, meta, cancellation);

    /// <summary>Makes this activation present many times, in one diff per shard: all of them or none.</summary>
    /// <exception cref="AlreadyTrackedException">A presence is tracked already, or is listed twice.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    public static ValueTask<IReadOnlyList<PresenceEntry>> TrackPresencesAsync(
        this IGrainBase grain, IReadOnlyList<TrackRequest> requests, CancellationToken cancellation = default) =>
        Node(grain).Tracker.TrackManyAsync(GetPresenceSession(grain), requests, cancellation);

    /// <summary>Makes this activation present with metadata of a type.</summary>
    /// <exception cref="AlreadyTrackedException">The activation is already present there.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    public static ValueTask<PresenceEntry> TrackPresenceAsync<T>(
        this IGrainBase grain, Topic<T> topic, string key, T meta, CancellationToken cancellation = default) =>
        Node(grain).Tracker.TrackAsync(GetPresenceSession(grain), topic, key, meta, cancellation);

    /// <summary>Replaces the metadata; fields that the type does not know are kept.</summary>
    /// <exception cref="NotTrackedException">The activation is not present under this topic and key.</exception>
    public static ValueTask<PresenceEntry> UpdatePresenceAsync<T>(
        this IGrainBase grain, Topic<T> topic, string key, T meta, CancellationToken cancellation = default) =>
        Node(grain).Tracker.UpdateAsync(GetPresenceSession(grain), topic, key, meta, cancellation);

    /// <summary>Ends one presence of this activation.</summary>
    /// <returns>False if it was not present.</returns>
    public static ValueTask<bool> UntrackPresenceAsync(
        this IGrainBase grain, string topic, string key, CancellationToken cancellation = default) =>
        Node(grain).Tracker.UntrackAsync(GetPresenceSession(grain), topic, key, cancellation);

    /// <summary>Returns the session of this activation, which ends with it. Do not end it.</summary>
    /// <remarks>For everything that has no method here, such as presences in another tracker of the node.</remarks>
    /// <example>
    /// <code>
    /// public sealed class BasketGrain(IPresenceNode node) : Grain
    /// {
    ///     public async Task Open() =&gt; await node.GetTracker("carts").TrackAsync(
    ///         this.GetPresenceSession(), "open", this.GetPrimaryKeyString());
    /// }
    /// </code>
    /// </example>
    public static PresenceSession GetPresenceSession(this IGrainBase grain)
    {
        ArgumentNullException.ThrowIfNull(grain);
        var context = grain.GrainContext;
        if (context.GetComponent<PresenceSession>() is { } session)
        {
            return session;
        }

        session = Node(grain).OpenSession(OptionsOf(grain));
        Own(context, session);
        return session;
    }

    /// <summary>
    /// Returns the token by which the next activation continues the presences of this one, within
    /// <see cref="PresenceOrleansOptions.GrainGrace"/> of its deactivation. It may change with each resume. Who has it
    /// can take over the presences.
    /// </summary>
    /// <returns>Null before the first presence, and if <see cref="PresenceOrleansOptions.GrainGrace"/> is 0.</returns>
    public static byte[]? GetPresenceToken(this IGrainBase grain)
    {
        ArgumentNullException.ThrowIfNull(grain);
        return grain.GrainContext.GetComponent<PresenceSession>()?.Token?.ToBytes();
    }

    /// <summary>
    /// Continues the presences of an earlier activation: nobody sees a leave and a join. Call it before the first
    /// presence is tracked, then track all of them again; one with other metadata is seen as an update.
    /// </summary>
    /// <param name="grain">The grain.</param>
    /// <param name="token">Its last <see cref="GetPresenceToken"/>; null or invalid for none.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <returns>Whether they were continued; otherwise they are tracked anew.</returns>
    /// <exception cref="InvalidOperationException">The activation has a presence already.</exception>
    public static async ValueTask<bool> ResumePresenceAsync(
        this IGrainBase grain, byte[]? token, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(grain);
        var context = grain.GrainContext;
        if (context.GetComponent<PresenceSession>() is not null)
        {
            throw new InvalidOperationException("Resume before the activation tracks its first presence.");
        }

        if (token is null || !ResumeToken.TryParse(token, out var parsed))
        {
            return false;
        }

        var result = await Node(grain).ResumeAsync(parsed, OptionsOf(grain), cancellation);
        result.Session.Confirm();
        Own(context, result.Session);
        return result.IsResumed;
    }

    private static IPresenceNode Node(IGrainBase grain)
    {
        ArgumentNullException.ThrowIfNull(grain);
        return grain.GrainContext.ActivationServices.GetRequiredService<IPresenceNode>();
    }

    private static PresenceSessionOptions OptionsOf(IGrainBase grain) => new()
    {
        Label = grain.GrainContext.GrainId.ToString(),
        Grace = grain.GrainContext.ActivationServices
            .GetService<IOptions<PresenceOrleansOptions>>()?.Value.GrainGrace ?? TimeSpan.Zero,
    };

    private static void Own(IGrainContext context, PresenceSession session)
    {
        context.SetComponent(session);
        _ = EndWithAsync(context, session);
    }

    private static async Task EndWithAsync(IGrainContext context, PresenceSession session)
    {
        await context.Deactivated.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // Ends it if it has no grace.
        session.Detach();
    }
}
