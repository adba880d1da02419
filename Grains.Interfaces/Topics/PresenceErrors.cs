using Orleans;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains;

/// <summary>How the errors of a tracker cross, so that a caller far away can catch them by type.</summary>
[GenerateSerializer]
[Alias("presence.error")]
internal struct PresenceErrorSurrogate
{
    /// <summary>The message; for errors that make their own, null.</summary>
    [Id(0)]
    public string? Message { get; set; }

    /// <summary>The topic, or what was too large.</summary>
    [Id(1)]
    public string? Subject { get; set; }

    /// <summary>The key.</summary>
    [Id(2)]
    public string? Key { get; set; }

    /// <summary>Size found.</summary>
    [Id(3)]
    public int Size { get; set; }

    /// <summary>Size allowed.</summary>
    [Id(4)]
    public int Limit { get; set; }
}

/// <summary>Carries <see cref="AlreadyTrackedException"/>.</summary>
[RegisterConverter]
internal sealed class AlreadyTrackedConverter : IConverter<AlreadyTrackedException, PresenceErrorSurrogate>
{
    /// <inheritdoc/>
    public AlreadyTrackedException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Subject ?? "", surrogate.Key ?? "");

    /// <inheritdoc/>
    public PresenceErrorSurrogate ConvertToSurrogate(in AlreadyTrackedException value) =>
        new() { Subject = value.Topic, Key = value.Key };
}

/// <summary>Carries <see cref="NotTrackedException"/>.</summary>
[RegisterConverter]
internal sealed class NotTrackedConverter : IConverter<NotTrackedException, PresenceErrorSurrogate>
{
    /// <inheritdoc/>
    public NotTrackedException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Subject ?? "", surrogate.Key ?? "");

    /// <inheritdoc/>
    public PresenceErrorSurrogate ConvertToSurrogate(in NotTrackedException value) =>
        new() { Subject = value.Topic, Key = value.Key };
}

/// <summary>Carries <see cref="PresenceLimitException"/>.</summary>
[RegisterConverter]
internal sealed class PresenceLimitConverter : IConverter<PresenceLimitException, PresenceErrorSurrogate>
{
    /// <inheritdoc/>
    public PresenceLimitException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Subject ?? "", surrogate.Size, surrogate.Limit);

    /// <inheritdoc/>
    public PresenceErrorSurrogate ConvertToSurrogate(in PresenceLimitException value) =>
        new() { Subject = value.What, Size = value.Size, Limit = value.Limit };
}

/// <summary>Carries <see cref="PresenceMetaException"/>.</summary>
[RegisterConverter]
internal sealed class PresenceMetaErrorConverter : IConverter<PresenceMetaException, PresenceErrorSurrogate>
{
    /// <inheritdoc/>
    public PresenceMetaException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Message ?? "");

    /// <inheritdoc/>
    public PresenceErrorSurrogate ConvertToSurrogate(in PresenceMetaException value) => new() { Message = value.Message };
}

/// <summary>Carries <see cref="PresenceOverloadException"/>.</summary>
[RegisterConverter]
internal sealed class PresenceOverloadConverter : IConverter<PresenceOverloadException, PresenceErrorSurrogate>
{
    /// <inheritdoc/>
    public PresenceOverloadException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Message ?? "");

    /// <inheritdoc/>
    public PresenceErrorSurrogate ConvertToSurrogate(in PresenceOverloadException value) =>
        new() { Message = value.Message };
}
