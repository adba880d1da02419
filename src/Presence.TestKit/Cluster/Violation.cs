namespace Presence.TestKit;

/// <summary>Something that must never happen has happened.</summary>
/// <param name="At">When, in virtual time.</param>
/// <param name="Invariant">Name of the rule.</param>
/// <param name="Member">At which member.</param>
/// <param name="Message">What exactly.</param>
public sealed record Violation(TimeSpan At, string Invariant, string Member, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{At.TotalMilliseconds:F1} ms, {Member}: {Invariant}: {Message}";
}

/// <summary>A simulated cluster broke one of its rules.</summary>
public sealed class SimulationViolatedException(ulong seed, IReadOnlyList<Violation> violations)
    : Exception($"Seed {seed}: {string.Join(Environment.NewLine, violations)}")
{
    /// <summary>The seed with which it happens again.</summary>
    public ulong Seed { get; } = seed;

    /// <summary>What was violated, first to last.</summary>
    public IReadOnlyList<Violation> Violations { get; } = violations;
}
