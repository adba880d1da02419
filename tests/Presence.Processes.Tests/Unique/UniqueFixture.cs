namespace Presence.Processes.Tests.Unique;

/// <summary>
/// Three silos that run a consistent process, an available one and a consistent group, shared by the tests of a class: each test starts the
/// members again that an earlier one ended. A test that fails leaves a trio in an unknown state, so the next one gets a new trio.
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

    /// <summary>Returns the trio with all three members there and each process running once.</summary>
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
            _place = await Site.EnterAsync(InNamespaces);
            _trio = Create($"unique{++_trios}", Site, _place);
        }

        _isIntact = false;
        await _trio!.StartAsync();
        await _trio.UntilOneRunsAsync(Consistent, Available, Group);
        return _trio;
    }

    /// <summary>The history must be without a fault up to here.</summary>
    /// <param name="splits">When, in this test, each side of a split may have run an available process.</param>
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

/// <summary>On loopback, with a relay to the database for each: everywhere.</summary>
public sealed class RelayedUniqueFixture : UniqueFixture
{
    protected override bool InNamespaces => false;
}

/// <summary>In network namespaces: with root.</summary>
public sealed class IsolatedUniqueFixture : UniqueFixture
{
    protected override bool InNamespaces => true;
}
