namespace Presence.Processes.Tests.Unique;

internal enum FaultKind
{
    /// <summary><c>kill -9</c>, and a new start under the same name.</summary>
    Kill,

    /// <summary>SIGTERM, and a new start under the same name.</summary>
    Terminate,

    /// <summary>SIGSTOP for longer than the lease, and SIGCONT.</summary>
    PauseBeyondTheLease,

    /// <summary>SIGSTOP for less than the lease, and SIGCONT.</summary>
    PauseWithinTheLease,

    /// <summary>Cut off from the database.</summary>
    Cut,

    /// <summary>A slow line to the database; where it cannot be slowed, cut off.</summary>
    Slow,

    /// <summary>Lines to the database and to the others that lose packets; where they cannot, a slow one to the database.</summary>
    Lose,

    /// <summary>Cut off from the database and the others, not for long enough to be declared dead; where it cannot, from the database alone.</summary>
    Isolate,
}

/// <summary>One thing that is done.</summary>
/// <param name="After">After the one before.</param>
/// <param name="ToHolder">To whoever runs the process; else to the first of the others that is well.</param>
/// <param name="Which">Which process, and which of the others.</param>
/// <param name="Lasts">Until it is undone.</param>
internal sealed record Fault(TimeSpan After, FaultKind Kind, bool ToHolder, int Which, TimeSpan Lasts)
{
    public override string ToString() => $"after {After.TotalSeconds:0.0} s {Kind} of "
        + $"{(ToHolder ? "the holder" : $"another ({Which})")} for {Lasts.TotalSeconds:0.0} s";
}

/// <summary>A plan of faults, drawn from a seed: the same for the same seed, whatever else runs. Every plan has every kind of fault.</summary>
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
        // Half of them meet the one before, half leave the time to take over in peace.
        var after = random.Next(2) == 0 ? Between(random, 0.2, lease) : Between(random, lease + 1, lease + 2);
        var lasts = kind switch
        {
            FaultKind.Kill or FaultKind.Terminate => Between(random, 0, lease),
            FaultKind.PauseBeyondTheLease => Between(random, lease * 1.1, lease * 2),
            FaultKind.PauseWithinTheLease => Between(random, lease * 0.2, lease * 0.9),
            FaultKind.Lose => Between(random, lease, lease * 3),
            // TCP waits as long again before it sends once more, and a silo is declared dead after six seconds.
            FaultKind.Isolate => Between(random, lease * 0.4, lease * 1.2),
            _ => Between(random, lease * 0.4, lease * 2),
        };
        return new Fault(after, kind, random.Next(3) > 0, random.Next(2), lasts);
    }

    private static TimeSpan Between(Random random, double from, double to) =>
        TimeSpan.FromSeconds(from + (random.NextDouble() * (to - from)));
}
