using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Orleans.Runtime;

namespace Presence.Grains.Placement;

/// <summary>Key of a shard grain and of its stream: <c>silo/shard</c>.</summary>
/// <param name="Silo">Address of the silo, generation included.</param>
/// <param name="Shard">Shard number.</param>
internal readonly record struct ShardKey(SiloAddress Silo, int Shard)
{
    public static bool TryParse(string? text, [NotNullWhen(true)] out ShardKey? key)
    {
        key = null;
        var slash = text?.LastIndexOf('/') ?? -1;
        if (slash <= 0
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var shard)
            || !TryParseSilo(text![..slash], out var silo))
        {
            return false;
        }

        key = new ShardKey(silo, shard);
        return true;
    }

    /// <summary>Parses the silo in the key of a pinned grain: <c>silo</c> or <c>silo/anything</c>.</summary>
    public static bool TryParseOwner(string? text, [NotNullWhen(true)] out SiloAddress? silo)
    {
        silo = null;
        var slash = text?.LastIndexOf('/') ?? -1;
        return text is not null && TryParseSilo(slash < 0 ? text : text[..slash], out silo);
    }

    /// <summary>Parses an address in the format of <see cref="SiloAddress.ToParsableString"/>.</summary>
    public static bool TryParseSilo(string text, [NotNullWhen(true)] out SiloAddress? silo)
    {
        try
        {
            silo = SiloAddress.FromParsableString(text);
            return true;
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            silo = null;
            return false;
        }
    }

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Silo.ToParsableString()}/{Shard}");
}
