using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>The state of a node's seat in a unique process.</summary>
internal enum UniqueSeatState
{
    /// <summary>Takes over if it is able to.</summary>
    Standby,

    /// <summary>Runs the process.</summary>
    Runs,

    /// <summary>Has left.</summary>
    Gone,
}

/// <summary>A report of one node's seat in a unique process.</summary>
/// <param name="Id">Random id of the seat.</param>
/// <param name="Number">Number of the report. A report with a lower number is outdated and ignored.</param>
/// <param name="Node">Name of the node.</param>
/// <param name="Silo">Address of its silo.</param>
/// <param name="Mode">The mode.</param>
/// <param name="State">The state.</param>
/// <param name="IsAble">Whether the node can run the process now.</param>
/// <param name="Term">Available mode: its current or last term; 0 for none.</param>
/// <param name="Since">When it started running, by its own clock.</param>
/// <param name="Epoch">Consistent mode: its epoch while it runs.</param>
/// <param name="SettleTime">See <see cref="UniqueProcessOptions.SettleTime"/>.</param>
/// <param name="TakeoverDelay">See <see cref="UniqueProcessOptions.TakeoverDelay"/>.</param>
/// <param name="AgreementTimeout">See <see cref="UniqueProcessOptions.AgreementTimeout"/>.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.unique-seat")]
internal sealed record UniqueSeat(
    [property: Id(0)] string Id,
    [property: Id(1)] long Number,
    [property: Id(2)] string Node,
    [property: Id(3)] string Silo,
    [property: Id(4)] UniqueProcessMode Mode,
    [property: Id(5)] UniqueSeatState State,
    [property: Id(6)] bool IsAble,
    [property: Id(7)] long Term,
    [property: Id(8)] DateTimeOffset? Since,
    [property: Id(9)] long? Epoch,
    [property: Id(10)] TimeSpan SettleTime,
    [property: Id(11)] TimeSpan TakeoverDelay,
    [property: Id(12)] TimeSpan AgreementTimeout);

/// <summary>What a seat has to do.</summary>
internal enum UniqueVerdictKind
{
    /// <summary>Nothing to do.</summary>
    Stay,

    /// <summary>Run the process under the term, if it does not yet.</summary>
    Run,

    /// <summary>Stop the process.</summary>
    Stop,
}

/// <summary>The grain's response to a report.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Term">The term; in consistent mode the epoch.</param>
/// <param name="Reason">The reason to stop; unused for other kinds.</param>
/// <param name="State">To run: the predecessor's handover state; empty otherwise.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.unique-verdict")]
internal sealed record UniqueVerdict(
    [property: Id(0)] UniqueVerdictKind Kind,
    [property: Id(1)] long Term,
    [property: Id(2)] UniqueStopReason Reason,
    [property: Id(3)] byte[] State);
