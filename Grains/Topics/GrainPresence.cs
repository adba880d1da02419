using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>A grain's own presence: one call to appear, and its deactivation is its leave.</summary>
/// <remarks>
/// An activation is one process, whatever the number of topics and keys it is present under. Call these from the grain's
/// own code. A grain that migrates or is activated anew elsewhere is another process: track again on activation.
/// </remarks>
public static class GrainPresence
{
    /// <summary>Makes this activation present until it is deactivated or untracked.</summary>
    /// <exception cref="AlreadyTrackedException">It is already there.</exception>
    /// <exception cref="PresenceLimitException">Topic, key or metadata is empty or too large.</exception>
    public static ValueTask<PresenceEntry> TrackPresenceAsync(
        this IGrainBase grain,
        string topic,
        string key,
        PresenceMeta meta = default) =>
        Node(grain).Tracker.TrackAsync(Process(grain), topic, key, meta);

    /// <summary>Replaces the metadata.</summary>
    /// <exception cref="NotTrackedException">It is not there.</exception>
    public static ValueTask<PresenceEntry> UpdatePresenceAsync(
        this IGrainBase grain,
        string topic,
        string key,
        PresenceMeta meta) =>
        Node(grain).Tracker.UpdateAsync(Process(grain), topic, key, meta);

    /// <summary>Ends one presence of this activation.</summary>
    /// <returns>False if it was not there.</returns>
    public static ValueTask<bool> UntrackPresenceAsync(this IGrainBase grain, string topic, string key) =>
        Node(grain).Tracker.UntrackAsync(Process(grain), topic, key);

    private static IPresenceNode Node(IGrainBase grain)
    {
        ArgumentNullException.ThrowIfNull(grain);
        return grain.GrainContext.ActivationServices.GetRequiredService<IPresenceNode>();
    }

    private static PresenceProcess Process(IGrainBase grain)
    {
        var context = grain.GrainContext;
        if (context.GetComponent<PresenceProcess>() is { } process)
        {
            return process;
        }

        process = Node(grain).StartProcess(context.GrainId.ToString());
        context.SetComponent(process);
        _ = EndWithAsync(context, process);
        return process;
    }

    private static async Task EndWithAsync(IGrainContext context, PresenceProcess process)
    {
        await context.Deactivated.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        process.End();
    }
}
