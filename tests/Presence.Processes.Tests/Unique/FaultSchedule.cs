namespace Presence.Processes.Tests.Unique;

internal enum FaultKind
{
    /// <summary><c>kill -9</c>, and a restart under the same name.</summary>
    Kill,

    /// <summary>SIGTERM, and a restart under the same name.</summary>
    Terminate,

    /// <summary>SIGSTOP for longer than the lease, and SIGCONT.</summary>
    PauseBeyondTheLease,

    /// <summary>SIGSTOP for less than the lease, and SIGCONT.</summary>
    PauseWithinTheLease,

    /// <summary>Disconnected from the database.</summary>
    Cut,

    /// <summary>A slow link to the database; where unsupported, disconnected.</summary>
    Slow,

    /// <summary>Packet loss on all links; where unsupported, a slow link to the database.</summary>
    Lose,

    /// <summary>Disconnected from the database and the others, too briefly to be declared dead.</summary>
    Isolate,
}

/// <summary>One fault of a schedule.</summary>
/// <param name="After">Time after the previous fault.</param>
/// <param name="ToHolder">True for the holder; otherwise for the first other node without a fault.</param>
/// <param name="Which">Selects the process and the other node.</param>
/// <param name="Lasts">Duration of the fault.</param>
internal sealed record Fault(TimeSpan After, FaultKind Kind, bool ToHolder, int Which, TimeSpan Lasts)
{
    public override string ToString() => $"after {After.TotalSeconds:0.0} s {Kind} of "
        + $"{(ToHolder ? "the holder" : $"another ({Which})")} for {Lasts.TotalSeconds:0.0} s";
}

/// <summary>A schedule of faults from a seed, always the same. Every schedule has every kind of fault.</summary>
internal static class FaultSchedule
{
    public static IReadOnlyList<Fault> Draw(int seed, TimeSpan lease)
    {
        var random = new Random(seed);
        FaultKind[] kinds = [FaultKind.Kill, .. Enum.GetValues<FaultKind>()];
        random.Shuffle(kinds);
        return [.. kinds.Select(kind => Draw(random, kind, lease.TotalSeconds))];
    }

    private static Fault Draw(Random random, FaultKind kind, double lease)
    {
        // Half of the faults overlap the previous one; the others leave time for a takeover.
        var after = random.Next(2) == 0 ? Between(random, 0.2, lease) : Between(random, lease + 1, lease + 2);
        var lasts = kind switch
        {
            FaultKind.Kill or FaultKind.Terminate => Between(random, 0, lease),
            FaultKind.PauseBeyondTheLease => Between(random, lease * 1.1, lease * 2),
            FaultKind.PauseWithinTheLease => Between(random, lease * 0.2, lease * 0.9),
            FaultKind.Lose => Between(random, lease, lease * 3),
            // TCP doubles its retransmission delay, and a silo is declared dead after six seconds.
            FaultKind.Isolate => Between(random, lease * 0.4, lease * 1.2),
            _ => Between(random, lease * 0.4, lease * 2),
        };
        return new Fault(after, kind, random.Next(3) > 0, random.Next(2), lasts);
    }

    private static TimeSpan Between(Random random, double from, double to) =>
        TimeSpan.FromSeconds(from + (random.NextDouble() * (to - from)));
}
