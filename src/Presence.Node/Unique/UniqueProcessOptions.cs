using Presence.Tracker;

namespace Presence.Node;

/// <summary>What is promised about how many run at a time.</summary>
public enum UniqueProcessMode
{
    /// <summary>
    /// One runs in the cluster. On silos each side of a split may run one; after it heals, all but one are stopped with
    /// <see cref="UniqueStopReason.NameConflict"/>. Needs nothing but the nodes themselves; gives no epoch.
    /// </summary>
    Available,

    /// <summary>
    /// At most one holds the lease of a durable store, with an epoch that grows with every holder; a side that cannot reach
    /// the store runs none. Needs an <see cref="ILeaseStore"/>.
    /// </summary>
    Consistent,
}

/// <summary>Why a unique process is asked to stop.</summary>
public enum UniqueStopReason
{
    /// <summary>This member stops.</summary>
    Shutdown,

    /// <summary>After a split somebody else runs it too, and stays.</summary>
    NameConflict,

    /// <summary>
    /// The lease could not be renewed in time, the process did not report within its watchdog, or the node was removed from its in-memory
    /// cluster.
    /// </summary>
    LeaseLost,

    /// <summary>Somebody asked that another member take over.</summary>
    HandedOver,

    /// <summary>Another process of its group, or the process itself, has ended.</summary>
    Ended,
}

/// <summary>How one unique process is arbitrated, stopped and restarted.</summary>
public sealed class UniqueProcessOptions
{
    /// <summary>What is promised. Default: <see cref="UniqueProcessMode.Available"/>.</summary>
    public UniqueProcessMode Mode { get; set; } = UniqueProcessMode.Available;

    /// <summary>How long a process may take to end after it was asked to, before it is reported and abandoned. Default 5 s.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Available mode on silos: how long the grain waits after its start before it elects. Default 1 s.</summary>
    public TimeSpan SettleTime { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Available mode on silos: how long a place must be vacant after its holder was lost (not stopped) before another is elected, so
    /// that a link that flaps moves nothing. Default 1 s.
    /// </summary>
    public TimeSpan TakeoverDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Available mode on silos: how long the grain waits for silos to answer, and for an elected one to start. Default 5 s.</summary>
    public TimeSpan AgreementTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Consistent mode: how long a lease lasts without renewal; renewed every third of it. Default 15 s, at least 1 s.</summary>
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Consistent mode: how long before the end of its lease, counted from before it was asked for, a holder that cannot renew
    /// asks its process to stop. Default: a third of the lease.
    /// </summary>
    public TimeSpan? LeaseMargin { get; set; }

    /// <summary>How long a member that gives up its place waits for another to take over what it leaves. Default 1 s.</summary>
    public TimeSpan HandOverTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long a member does not compete after its process ended or failed, so that another can; doubled with each failure
    /// in a row up to <see cref="MaxRestartDelay"/>. Default 1 s.
    /// </summary>
    public TimeSpan RestartDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Upper bound of <see cref="RestartDelay"/>. Default 1 min.</summary>
    public TimeSpan MaxRestartDelay { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// If set, the process must call <see cref="UniqueProcessContext.Beat"/> at least this often or it is stopped as hung, with
    /// <see cref="UniqueStopReason.LeaseLost"/>. Default: not watched.
    /// </summary>
    public TimeSpan? Watchdog { get; set; }

    internal TimeSpan Margin => LeaseMargin ?? (Lease / 3);

    /// <summary>Checks all values.</summary>
    /// <exception cref="PresenceOptionsException">A value breaks a rule; the message says which.</exception>
    internal void Validate(string name)
    {
        var rules = new OptionRules($"Unique process '{name}': ");
        rules.Require(Enum.IsDefined(Mode), Mode, "must be Available or Consistent");
        rules.Require(StopTimeout > TimeSpan.Zero, StopTimeout, "must be positive");
        rules.Require(SettleTime >= TimeSpan.Zero, SettleTime, "must not be negative");
        rules.Require(TakeoverDelay >= TimeSpan.Zero, TakeoverDelay, "must not be negative");
        rules.Require(AgreementTimeout > TimeSpan.Zero, AgreementTimeout, "must be positive");
        rules.Require(Lease >= TimeSpan.FromSeconds(1), Lease, "must be at least 1 s");
        rules.Require(
            Margin > TimeSpan.Zero && Margin <= Lease / 2,
            Margin,
            $"must be positive and at most half of Lease ({Lease}), or there is no time to renew",
            nameof(LeaseMargin));
        rules.Require(HandOverTimeout >= TimeSpan.Zero, HandOverTimeout, "must not be negative");
        rules.Require(RestartDelay > TimeSpan.Zero, RestartDelay, "must be positive");
        rules.Require(
            MaxRestartDelay >= RestartDelay, MaxRestartDelay, $"must not be below RestartDelay ({RestartDelay})");
        rules.Require(Watchdog is null || Watchdog > TimeSpan.Zero, Watchdog, "must be positive or not set");
    }
}
