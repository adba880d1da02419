namespace Presence.Processes.Tests.Chaos;

/// <summary>A fault, with the actions that begin and end it.</summary>
/// <param name="Lasts">Time between begin and end.</param>
/// <param name="LooksLikeDeath">Whether live silos may be declared dead because of it.</param>
internal sealed record FaultInjection(
    string Name, TimeSpan Lasts, bool LooksLikeDeath, Func<Task> Begin, Func<Task> End)
{
    /// <summary>Gets the name of the node that it strikes; null if it strikes none, or all.</summary>
    public string? Node { get; init; }

    /// <summary>Whether it makes the database unavailable to all.</summary>
    public bool IsOutage => Name.StartsWith("database", StringComparison.Ordinal);

    /// <summary>Whether it cuts or degrades links between places.</summary>
    public bool IsOfLines =>
        Name.Contains("cut off", StringComparison.Ordinal) || Name.Contains("line", StringComparison.Ordinal)
        || Name.Contains("packets", StringComparison.Ordinal);

    /// <summary>Whether it ends a node that has to be replaced, which needs the database.</summary>
    public bool NeedsDatabaseToEnd { get; init; }

    public override string ToString() =>
        Node is null ? $"{Name} {Lasts.TotalSeconds:0.0} s" : $"{Name} {Lasts.TotalSeconds:0.0} s ({Node})";
}
