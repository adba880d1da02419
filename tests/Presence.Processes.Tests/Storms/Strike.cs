namespace Presence.Processes.Tests.Storms;

/// <summary>One fault: how it begins and how it ends.</summary>
/// <param name="Lasts">Between begin and end.</param>
/// <param name="LooksLikeDeath">Whether silos that live may be declared dead because of it.</param>
internal sealed record Strike(string Name, TimeSpan Lasts, bool LooksLikeDeath, Func<Task> Begin, Func<Task> End)
{
    /// <summary>Whether it takes the database away from everybody.</summary>
    public bool IsOutage => Name.StartsWith("database", StringComparison.Ordinal);

    /// <summary>Whether it cuts or spoils lines between places.</summary>
    public bool IsOfLines => Name.Contains("cut off", StringComparison.Ordinal) || Name.Contains("line", StringComparison.Ordinal)
        || Name.Contains("packets", StringComparison.Ordinal);

    /// <summary>Whether a member is ended by it and has to be replaced, for which it takes a database.</summary>
    public bool NeedsDatabaseToEnd { get; init; }

    public override string ToString() => $"{Name} {Lasts.TotalSeconds:0.0} s";
}
