using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>What a member does about a unique process.</summary>
internal enum UniqueSeatState
{
    /// <summary>Would take over, if it is able to.</summary>
    Standby,

    /// <summary>Runs it.</summary>
    Runs,

    /// <summary>Takes part no more.</summary>
    Gone,
}

/// <summary>One member's part in a unique process, as it says itself.</summary>
/// <param name="Id">Drawn when the member entered.</param>
/// <param name="Number">Grows with everything the seat says: what bears a lower one is late and void.</param>
/// <param name="Node">Name of the member.</param>
/// <param name="Silo">Address of its silo.</param>
/// <param name="Mode">What is promised.</param>
/// <param name="State">What it does.</param>
/// <param name="IsAble">Whether it would run the process at this moment.</param>
/// <param name="Term">Available mode: the last term it ran or runs; 0 for none.</param>
/// <param name="Since">Since when it runs, by its own clock.</param>
/// <param name="Epoch">Consistent mode: its epoch, while it runs.</param>
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

/// <summary>What a seat is told.</summary>
internal enum UniqueVerdictKind
{
    /// <summary>Nothing to do.</summary>
    Stay,

    /// <summary>Run the process under the term, if not done yet.</summary>
    Run,

    /// <summary>Stop it.</summary>
    Stop,
}

/// <summary>What a seat is told when it attends.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Term">The term it is about; in consistent mode the epoch.</param>
/// <param name="Reason">Why to stop; meaningless for the other kinds.</param>
/// <param name="State">To run: what the predecessor left; empty otherwise.</param>
[GenerateSerializer]
[Immutable]
[Alias("presence.unique-verdict")]
internal sealed record UniqueVerdict(
    [property: Id(0)] UniqueVerdictKind Kind,
    [property: Id(1)] long Term,
    [property: Id(2)] UniqueStopReason Reason,
    [property: Id(3)] byte[] State);
