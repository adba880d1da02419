namespace Presence.TestKit;

/// <summary>A violated rule.</summary>
/// <param name="At">The virtual time.</param>
/// <param name="Invariant">Name of the rule.</param>
/// <param name="Node">Name of the node.</param>
/// <param name="Message">The details.</param>
public sealed record Violation(TimeSpan At, string Invariant, string Node, string Message)
{
    /// <inheritdoc/>
    public override string ToString() => $"{At.TotalMilliseconds:F1} ms, {Node}: {Invariant}: {Message}";
}

/// <summary>A simulated cluster violated a rule.</summary>
public sealed class SimulationViolatedException(ulong seed, IReadOnlyList<Violation> violations)
    : Exception($"Seed {seed}: {string.Join(Environment.NewLine, violations)}")
{
    /// <summary>Gets the seed that reproduces the violations.</summary>
    public ulong Seed { get; } = seed;

    /// <summary>Gets the violations, in order.</summary>
    public IReadOnlyList<Violation> Violations { get; } = violations;
}
