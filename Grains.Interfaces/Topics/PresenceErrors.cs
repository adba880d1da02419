using Orleans;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Grains.Topics;

/// <summary>The serialized form of the tracker's exceptions, so that callers can catch them by type.</summary>
[GenerateSerializer]
[Alias("presence.error")]
internal struct PresenceErrorSurrogate
{
    /// <summary>The message; null for exceptions that create their own.</summary>
    [Id(0)]
    public string? Message { get; set; }

    /// <summary>The topic, or the name of what was too large.</summary>
    [Id(1)]
    public string? Subject { get; set; }

    [Id(2)]
    public string? Key { get; set; }

    /// <summary>The actual size.</summary>
    [Id(3)]
    public int Size { get; set; }

    /// <summary>The maximum size.</summary>
    [Id(4)]
    public int Limit { get; set; }
}

/// <summary>Carries <see cref="AlreadyTrackedException"/>.</summary>
[RegisterConverter]
internal sealed class AlreadyTrackedConverter : IConverter<AlreadyTrackedException, PresenceErrorSurrogate>
{
    public AlreadyTrackedException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Subject ?? "", surrogate.Key ?? "");
    public PresenceErrorSurrogate ConvertToSurrogate(in AlreadyTrackedException value) =>
        new() { Subject = value.Topic, Key = value.Key };
}

/// <summary>Carries <see cref="NotTrackedException"/>.</summary>
[RegisterConverter]
internal sealed class NotTrackedConverter : IConverter<NotTrackedException, PresenceErrorSurrogate>
{
    public NotTrackedException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Subject ?? "", surrogate.Key ?? "");
    public PresenceErrorSurrogate ConvertToSurrogate(in NotTrackedException value) =>
        new() { Subject = value.Topic, Key = value.Key };
}

/// <summary>Carries <see cref="CountsOnlyTopicException"/>.</summary>
[RegisterConverter]
internal sealed class CountsOnlyTopicConverter : IConverter<CountsOnlyTopicException, PresenceErrorSurrogate>
{
    public CountsOnlyTopicException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Subject ?? "");
    public PresenceErrorSurrogate ConvertToSurrogate(in CountsOnlyTopicException value) =>
        new() { Subject = value.Topic };
}

/// <summary>Carries <see cref="PresenceLimitException"/>.</summary>
[RegisterConverter]
internal sealed class PresenceLimitConverter : IConverter<PresenceLimitException, PresenceErrorSurrogate>
{
    public PresenceLimitException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Subject ?? "", surrogate.Size, surrogate.Limit);
    public PresenceErrorSurrogate ConvertToSurrogate(in PresenceLimitException value) =>
        new() { Subject = value.What, Size = value.Size, Limit = value.Limit };
}

/// <summary>Carries <see cref="PresenceMetaException"/>.</summary>
[RegisterConverter]
internal sealed class PresenceMetaErrorConverter : IConverter<PresenceMetaException, PresenceErrorSurrogate>
{
    public PresenceMetaException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Message ?? "");
    public PresenceErrorSurrogate ConvertToSurrogate(in PresenceMetaException value) =>
        new() { Message = value.Message };
}

/// <summary>Carries <see cref="PresenceOverloadException"/>.</summary>
[RegisterConverter]
internal sealed class PresenceOverloadConverter : IConverter<PresenceOverloadException, PresenceErrorSurrogate>
{
    public PresenceOverloadException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Message ?? "");
    public PresenceErrorSurrogate ConvertToSurrogate(in PresenceOverloadException value) =>
        new() { Message = value.Message };
}

/// <summary>Carries <see cref="PresenceViewException"/>.</summary>
[RegisterConverter]
internal sealed class PresenceViewErrorConverter : IConverter<PresenceViewException, PresenceErrorSurrogate>
{
    public PresenceViewException ConvertFromSurrogate(in PresenceErrorSurrogate surrogate) =>
        new(surrogate.Message ?? "");
    public PresenceErrorSurrogate ConvertToSurrogate(in PresenceViewException value) =>
        new() { Message = value.Message };
}
