using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>The serialized form of <see cref="LeaseResult"/>.</summary>
[GenerateSerializer]
[Alias("presence.unique-lease")]
internal struct LeaseResultSurrogate
{
    [Id(0)]
    public bool IsHeld { get; set; }

    [Id(1)]
    public long Epoch { get; set; }

    [Id(2)]
    public string? Holder { get; set; }

    [Id(3)]
    public TimeSpan Remaining { get; set; }

    [Id(4)]
    public ReadOnlyMemory<byte> State { get; set; }
}

/// <summary>Converts between <see cref="LeaseResult"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class LeaseResultConverter : IConverter<LeaseResult, LeaseResultSurrogate>
{
    public LeaseResult ConvertFromSurrogate(in LeaseResultSurrogate surrogate) =>
        new(surrogate.IsHeld, surrogate.Epoch, surrogate.Holder, surrogate.Remaining, surrogate.State);

    public LeaseResultSurrogate ConvertToSurrogate(in LeaseResult value) => new()
    {
        IsHeld = value.IsHeld,
        Epoch = value.Epoch,
        Holder = value.Holder,
        Remaining = value.Remaining,
        State = value.State,
    };
}
