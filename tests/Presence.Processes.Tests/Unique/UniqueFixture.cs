namespace Presence.Processes.Tests.Unique;

/// <summary>
/// Three silos that run a consistent process, an available one and a consistent group, shared by the tests of a class.
/// Each test restarts the nodes that an earlier one ended. A failed test leaves an unknown state, so the next one gets
/// a new trio.
/// </summary>
public abstract class UniqueFixture : IAsyncLifetime
{
    public const string Consistent = "consistent";
    public const string Available = "available";
    public const string Group = "pair";

    private readonly List<Excuse> _splits = [];
    private TrioPlace? _place;
    private UniqueTrio? _trio;
    private int _trios;
    private bool _isIntact;

    internal Site Site { get; private set; } = null!;

    protected abstract bool InNamespaces { get; }

    public Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Returns the trio with all three nodes running and each process running once.</summary>
    public async Task<UniqueTrio> StartAsync()
    {
        if (InNamespaces)
        {
            TestNetwork.Require();
        }

        if (!_isIntact)
        {
            await DisposeAsync();
            Site = await Site.StartAsync(trios: 1, InNamespaces);
            _place = await Site.StartAsync(InNamespaces);
            _trio = Create($"unique{++_trios}", Site, _place);
        }

        _isIntact = false;
        await _trio!.StartAsync();
        await _trio.UntilOneRunsAsync(Consistent, Available, Group);
        return _trio;
    }

    /// <summary>Asserts that the history so far has no findings.</summary>
    /// <param name="splits">The times in which each side of a partition may run an available process.</param>
    public void MustBeFlawless(params IEnumerable<Excuse> splits)
    {
        _splits.AddRange(splits);
        _trio!.MustBeFlawless(_splits);
        _isIntact = true;
    }

    public async Task DisposeAsync()
    {
        await (_trio?.DisposeAsync() ?? ValueTask.CompletedTask);
        _place?.Dispose();
        await (Site?.DisposeAsync() ?? ValueTask.CompletedTask);
        (_trio, _place, Site) = (null, null, null!);
        _splits.Clear();
    }

    private static UniqueTrio Create(string schema, Site site, TrioPlace place) => new(
        new UniqueTrioOptions
        {
            Schema = schema,
            Lease = Rules.Lease,
            Consistent = [Consistent],
            Available = [Available],
            Groups = [Group],
            ResourceAddress = place.ResourceAddress,
        },
        site.Server,
        place.Lines);
}

/// <summary>On loopback, with a relay to the database for each node; needs no rights.</summary>
public sealed class RelayedUniqueFixture : UniqueFixture
{
    protected override bool InNamespaces => false;
}

/// <summary>In network namespaces; needs root.</summary>
public sealed class IsolatedUniqueFixture : UniqueFixture
{
    protected override bool InNamespaces => true;
}
