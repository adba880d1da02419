using System.Globalization;

namespace Presence.Processes.Tests.Unique;

/// <summary>What is done to a member.</summary>
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

    /// <summary>A line to the database that loses packets; where it cannot, a slow one.</summary>
    Lose,
}

/// <summary>One thing that is done.</summary>
/// <param name="After">After the one before.</param>
/// <param name="Kind">What.</param>
/// <param name="ToHolder">To whoever runs the process; else to the first of the others that is well.</param>
/// <param name="Which">Which of the others.</param>
/// <param name="Lasts">Until it is undone.</param>
internal sealed record Fault(TimeSpan After, FaultKind Kind, bool ToHolder, int Which, TimeSpan Lasts)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"after {After.TotalSeconds:0.0} s {Kind} of {(ToHolder ? "the holder" : $"another ({Which})")} for {Lasts.TotalSeconds:0.0} s");
}

/// <summary>A plan of faults, drawn from a seed: the same for the same seed, whatever else runs. One of them is a line that loses packets.</summary>
internal static class FaultSchedule
{
    private const int Faults = 5;
    private const int FaultsOfSilos = 4;

    private static readonly FaultKind[] Urn =
    [
        FaultKind.Kill, FaultKind.Kill, FaultKind.Kill, FaultKind.Terminate, FaultKind.Terminate, FaultKind.PauseBeyondTheLease,
        FaultKind.PauseBeyondTheLease, FaultKind.PauseBeyondTheLease, FaultKind.PauseWithinTheLease, FaultKind.Cut, FaultKind.Cut, FaultKind.Cut,
        FaultKind.Slow, FaultKind.Slow,
    ];

    /// <summary>What can be done to a silo: it does not reach the others by the database.</summary>
    private static readonly FaultKind[] OfSilos =
    [
        FaultKind.Kill, FaultKind.Kill, FaultKind.Terminate, FaultKind.PauseBeyondTheLease, FaultKind.PauseBeyondTheLease, FaultKind.PauseWithinTheLease,
    ];

    /// <summary>For silos: fewer, because each starts for seconds.</summary>
    public static IReadOnlyList<Fault> DrawForSilos(int seed, TimeSpan lease)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, FaultsOfSilos).Select(_ => Draw(random, OfSilos, lease.TotalSeconds))];
    }

    public static IReadOnlyList<Fault> Draw(int seed, TimeSpan lease)
    {
        var random = new Random(seed);
        List<Fault> plan = [.. Enumerable.Range(0, Faults).Select(_ => Draw(random, Urn, lease.TotalSeconds))];
        // Drawn beside the others, not among them: what a seed stood for before there was this one, it still stands for.
        var beside = new Random(~seed);
        plan.Insert(beside.Next(Faults + 1), DrawLoss(beside, lease.TotalSeconds));
        return plan;
    }

    private static Fault DrawLoss(Random random, double lease) => new(
        Between(random, 0.2, lease), FaultKind.Lose, random.Next(3) > 0, random.Next(2), Between(random, lease, lease * 3));

    private static Fault Draw(Random random, FaultKind[] urn, double lease)
    {
        var kind = urn[random.Next(urn.Length)];
        // Half of them meet the one before, half leave the time to take over in peace.
        var after = random.Next(2) == 0 ? Between(random, 0.2, lease) : Between(random, lease + 2, lease + 3);
        var lasts = kind switch
        {
            FaultKind.Kill or FaultKind.Terminate => Between(random, 0, lease),
            FaultKind.PauseBeyondTheLease => Between(random, lease * 1.1, lease * 2),
            FaultKind.PauseWithinTheLease => Between(random, lease * 0.2, lease * 0.9),
            _ => Between(random, lease * 0.4, lease * 2),
        };
        return new Fault(after, kind, random.Next(3) > 0, random.Next(2), lasts);
    }

    private static TimeSpan Between(Random random, double from, double to) =>
        TimeSpan.FromSeconds(from + (random.NextDouble() * (to - from)));
}
