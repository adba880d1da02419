using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>The serialized form of <see cref="LeaseAnswer"/>.</summary>
[GenerateSerializer]
[Alias("presence.unique-lease")]
internal struct LeaseAnswerSurrogate
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

/// <summary>Converts between <see cref="LeaseAnswer"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class LeaseAnswerConverter : IConverter<LeaseAnswer, LeaseAnswerSurrogate>
{
    public LeaseAnswer ConvertFromSurrogate(in LeaseAnswerSurrogate surrogate) =>
        new(surrogate.IsHeld, surrogate.Epoch, surrogate.Holder, surrogate.Remaining, surrogate.State);

    public LeaseAnswerSurrogate ConvertToSurrogate(in LeaseAnswer value) => new()
    {
        IsHeld = value.IsHeld,
        Epoch = value.Epoch,
        Holder = value.Holder,
        Remaining = value.Remaining,
        State = value.State,
    };
}
