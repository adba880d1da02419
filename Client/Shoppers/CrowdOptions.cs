namespace Presence.CommandLine;

/// <summary>What a crowd is to do.</summary>
/// <param name="Members">Roots of the members; shoppers are spread over them.</param>
/// <param name="Count">Shoppers.</param>
/// <param name="Ramp">Shoppers that come per second.</param>
/// <param name="Shopping">How long they shop after all have come.</param>
/// <param name="Seed">Of their decisions.</param>
internal sealed record CrowdOptions(IReadOnlyList<Uri> Members, int Count, double Ramp, TimeSpan Shopping, int Seed)
{
    /// <summary>Mean time between two things a shopper does.</summary>
    public TimeSpan Thinking { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>How long the server has to show what the crowd knows.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>What the shop sells.</summary>
/// <param name="Pages">Paths to walk to.</param>
/// <param name="Items">Ids to put into carts.</param>
/// <param name="ProbeItem">An id that the crowd leaves alone, to see how fast a change is shown.</param>
internal sealed record Wares(IReadOnlyList<string> Pages, IReadOnlyList<int> Items, int ProbeItem);
