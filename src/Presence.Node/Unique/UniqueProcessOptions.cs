using Presence.Tracker.Options;

namespace Presence.Node;

/// <summary>The guarantee on the number of instances that run at a time.</summary>
public enum UniqueProcessMode
{
    /// <summary>
    /// One instance in the cluster. On silos each side of a network partition may run one; after the partition heals,
    /// all but one are stopped with <see cref="UniqueStopReason.NameConflict"/>. Needs no other service; gives no
    /// epoch.
    /// </summary>
    Available,

    /// <summary>
    /// At most one instance holds the lease, with an epoch that grows with every holder. Nodes that cannot reach the
    /// lease store run none. Needs an <see cref="ILeaseStore"/>.
    /// </summary>
    Consistent,
}

/// <summary>The reason why a unique process is requested to stop.</summary>
public enum UniqueStopReason
{
    /// <summary>The node stops.</summary>
    Shutdown,

    /// <summary>After a network partition another node runs it too, and keeps it.</summary>
    NameConflict,

    /// <summary>Lease not renewed in time, watchdog timeout, or node removed from its in-memory cluster.</summary>
    LeaseLost,

    /// <summary>A hand-over to another node was requested.</summary>
    HandedOver,

    /// <summary>Another process of its group, or the process itself, has ended.</summary>
    Ended,
}

/// <summary>Options of one unique process (section <c>Presence:UniqueProcesses:NAME</c>).</summary>
public sealed class UniqueProcessOptions
{
    /// <summary>Gets or sets the guarantee. Default: <see cref="UniqueProcessMode.Available"/>.</summary>
    public UniqueProcessMode Mode { get; set; } = UniqueProcessMode.Available;

    /// <summary>Gets or sets how long a process may take to stop before it is abandoned. Default 5 s.</summary>
    public TimeSpan StopTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Gets or sets how long a new grain waits before it elects (available, silos). Default 1 s.</summary>
    public TimeSpan SettleTime { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Gets or sets how long the grain waits after the loss (not the stop) of a holder before it elects another, so
    /// that an unstable connection does not move the process (available, silos). Default 1 s.
    /// </summary>
    public TimeSpan TakeoverDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets or sets how long the grain waits for a silo or a start (available, silos). Default 5 s.</summary>
    public TimeSpan AgreementTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Gets or sets the duration of a lease, renewed every third of it. Default 15 s, 1 s to 10 min.
    /// </summary>
    public TimeSpan LeaseDuration { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// Gets or sets how long before the expiry of its lease a holder that cannot renew it stops its process
    /// (consistent). The expiry is counted from before the request was sent. Default: a third of the lease; at most
    /// half of it.
    /// </summary>
    public TimeSpan? LeaseMargin { get; set; }

    /// <summary>Gets or sets how long a stopping holder waits for its successor. Default 1 s.</summary>
    public TimeSpan HandOverTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Gets or sets how long a node is no candidate after its process ended or failed, so that another is elected;
    /// doubled with each consecutive failure up to <see cref="MaxRestartDelay"/>. Default 1 s.
    /// </summary>
    public TimeSpan RestartDelay { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets or sets the maximum of <see cref="RestartDelay"/>. Default 1 min.</summary>
    public TimeSpan MaxRestartDelay { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Gets or sets the longest time between calls of <see cref="UniqueProcessContext.ReportHealthy"/>; a process that
    /// exceeds it is stopped with <see cref="UniqueStopReason.LeaseLost"/>. Default: null, no watchdog.
    /// </summary>
    public TimeSpan? WatchdogTimeout { get; set; }

    internal static TimeSpan MaxLeaseDuration { get; } = TimeSpan.FromMinutes(10);

    internal TimeSpan Margin => LeaseMargin ?? (LeaseDuration / 3);

    /// <exception cref="ArgumentException">A value breaks a rule; the message names both.</exception>
    internal void Validate(string name)
    {
        var rules = new OptionRules($"Unique process '{name}': ");
        rules.Require(Enum.IsDefined(Mode), Mode, "must be Available or Consistent");
        rules.RequireWait(StopTimeout > TimeSpan.Zero, StopTimeout, "must be positive");
        rules.RequireWait(SettleTime >= TimeSpan.Zero, SettleTime, "must not be negative");
        rules.RequireWait(TakeoverDelay >= TimeSpan.Zero, TakeoverDelay, "must not be negative");
        rules.RequireWait(AgreementTimeout > TimeSpan.Zero, AgreementTimeout, "must be positive");
        rules.Require(
            LeaseDuration >= TimeSpan.FromSeconds(1) && LeaseDuration <= MaxLeaseDuration,
            LeaseDuration,
            "must be 1 s to 10 min");
        rules.Require(
            Margin > TimeSpan.Zero && Margin <= LeaseDuration / 2,
            Margin,
            $"must be positive and at most half of LeaseDuration ({LeaseDuration}), or there is no time to renew",
            nameof(LeaseMargin));
        rules.RequireWait(HandOverTimeout >= TimeSpan.Zero, HandOverTimeout, "must not be negative");
        rules.RequireWait(RestartDelay > TimeSpan.Zero, RestartDelay, "must be positive");
        rules.RequireWait(
            MaxRestartDelay >= RestartDelay, MaxRestartDelay, $"must not be below RestartDelay ({RestartDelay})");
        rules.RequireWait(WatchdogTimeout is null or { Ticks: > 0 }, WatchdogTimeout, "must be positive or not set");
    }
}
