using Orleans;

namespace Presence.Grains;

/// <summary>Recognizes the grain calls by which the silos of a cluster replicate presence.</summary>
public static class PresenceGrainCalls
{
    /// <summary>
    /// Returns whether a call is one of presence itself, between silos, and not made by an application. An
    /// application's authorization filter lets such calls pass; they carry no identity of a user.
    /// </summary>
    /// <remarks>
    /// Calls of <see cref="ITopicPresenceGrain"/>, <see cref="IPresenceSiloGrain"/> and
    /// <see cref="IUniqueDirectoryGrain"/> are those of applications: false. Orleans has calls of its own, such as
    /// those of streams.
    /// </remarks>
    public static bool IsInternal(IGrainCallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.InterfaceMethod?.DeclaringType is { IsPublic: false, Namespace: { } name }
            && (name == "Presence.Grains" || name.StartsWith("Presence.Grains.", StringComparison.Ordinal));
    }
}
