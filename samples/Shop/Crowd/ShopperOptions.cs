namespace Presence.CommandLine;

/// <summary>Settings of a crowd.</summary>
/// <param name="Nodes">Root addresses of the nodes; shoppers are spread over them.</param>
/// <param name="Count">Number of shoppers.</param>
/// <param name="Ramp">Shoppers that arrive per second.</param>
/// <param name="Shopping">Time for which they shop after the last has arrived.</param>
/// <param name="Seed">Seed of their decisions.</param>
internal sealed record ShopperOptions(IReadOnlyList<Uri> Nodes, int Count, double Ramp, TimeSpan Shopping, int Seed)
{
    /// <summary>Gets the mean time between two actions of a shopper.</summary>
    public TimeSpan Thinking { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>Gets the time after which a difference between server and crowd is reported.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>The pages and items of the shop.</summary>
/// <param name="Pages">Paths that shoppers open.</param>
/// <param name="Items">Ids that shoppers put into their carts.</param>
/// <param name="ProbeItem">The id that only the <see cref="Probe"/> uses, to measure when a change is shown.</param>
internal sealed record ShopRange(IReadOnlyList<string> Pages, IReadOnlyList<int> Items, int ProbeItem);
