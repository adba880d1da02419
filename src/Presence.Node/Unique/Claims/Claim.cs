using System.Text.Json;
using System.Text.Json.Serialization;
using Presence.Tracker;

namespace Presence.Node;

/// <summary>What a participant says about itself.</summary>
internal enum ClaimState
{
    /// <summary>Would take over.</summary>
    Standby,

    /// <summary>Wants to run; asks the others whether they agree.</summary>
    Claim,

    /// <summary>Runs.</summary>
    Run,

    /// <summary>Has ended its process and leaves a state to its heir.</summary>
    Leave,

    /// <summary>Has lost its place; its process is still ending.</summary>
    Stopping,
}

/// <summary>One participant's presence in the topic of a unique process.</summary>
internal sealed record Claim
{
    [JsonIgnore]
    public string Node { get; init; } = "";

    /// <summary>Drawn when the participant entered: tells it from an earlier one of the same name.</summary>
    [JsonPropertyName("by")]
    public string By { get; init; } = "";

    [JsonPropertyName("s"), JsonConverter(typeof(JsonStringEnumConverter<ClaimState>))]
    public ClaimState State { get; init; }

    [JsonPropertyName("mode"), JsonConverter(typeof(JsonStringEnumConverter<UniqueProcessMode>))]
    public UniqueProcessMode Mode { get; init; }

    /// <summary>Counts the terms of the name; to a standby, the highest it has seen.</summary>
    [JsonPropertyName("term")]
    public long Term { get; init; }

    /// <summary>The first or the second time that a claim asks.</summary>
    [JsonPropertyName("round")]
    public int Round { get; init; }

    /// <summary>The <see cref="Id"/> of the claim that this participant agrees to.</summary>
    [JsonPropertyName("saw")]
    public string? Saw { get; init; }

    /// <summary>Whether it competes at present.</summary>
    [JsonPropertyName("able")]
    public bool IsAble { get; init; }

    /// <summary>Since when it runs, in milliseconds since 1970.</summary>
    [JsonPropertyName("since")]
    public long? Since { get; init; }

    [JsonPropertyName("epoch")]
    public long? Epoch { get; init; }

    /// <summary>Who may take what is left.</summary>
    [JsonPropertyName("heir")]
    public string? Heir { get; init; }

    [JsonPropertyName("left")]
    public byte[]? Left { get; init; }

    /// <summary>Names one version of a claim.</summary>
    [JsonIgnore]
    public string Id => $"{Node}/{By}/{Term}/{Round}";

    [JsonIgnore]
    public bool Contends => State is ClaimState.Run or ClaimState.Claim;

    public static Claim? Read(PresenceEntry entry)
    {
        try
        {
            return entry.Meta.As<Claim>() is { } claim ? claim with { Node = entry.Owner.Node } : null;
        }
        catch (JsonException)
        {
            // Written by a version that says more than this one understands: it takes no part here.
            return null;
        }
    }

    public PresenceMeta ToMeta() => PresenceMeta.From(this);
}
