using Orleans;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>The serialized form of <see cref="UniqueProcessStatus"/>.</summary>
[GenerateSerializer]
[Alias("presence.unique-process")]
internal struct UniqueProcessStatusSurrogate
{
    [Id(0)]
    public string Name { get; set; }

    [Id(1)]
    public UniqueProcessMode Mode { get; set; }

    [Id(2)]
    public string? Node { get; set; }

    [Id(3)]
    public DateTimeOffset? Since { get; set; }

    [Id(4)]
    public long? Epoch { get; set; }

    [Id(5)]
    public IReadOnlyList<string> Standbys { get; set; }
}

/// <summary>Converts between <see cref="UniqueProcessStatus"/> and its serialized form.</summary>
[RegisterConverter]
internal sealed class UniqueProcessStatusConverter : IConverter<UniqueProcessStatus, UniqueProcessStatusSurrogate>
{
    public UniqueProcessStatus ConvertFromSurrogate(in UniqueProcessStatusSurrogate surrogate) =>
        new(surrogate.Name, surrogate.Mode, surrogate.Node, surrogate.Since, surrogate.Epoch, surrogate.Standbys);

    public UniqueProcessStatusSurrogate ConvertToSurrogate(in UniqueProcessStatus value) => new()
    {
        Name = value.Name,
        Mode = value.Mode,
        Node = value.Node,
        Since = value.Since,
        Epoch = value.Epoch,
        Standbys = value.Standbys,
    };
}
