using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Orleans.Metadata;
using Orleans.Runtime;
using Presence.Grains.Placement;
using Presence.Grains.Transport;
using Presence.Node;

namespace Presence.Grains.Cluster;

/// <summary>A silo that is a node.</summary>
/// <param name="Address">The address, generation included.</param>
/// <param name="Name">The name.</param>
/// <param name="IsActive">False while it shuts down. It still sends and receives in this time.</param>
/// <param name="KnowsSessions">Whether its version knows resumable sessions.</param>
/// <param name="Version">Its version of this library; null if unknown.</param>
internal sealed record PresenceSilo(
    SiloAddress Address, string Name, bool IsActive, bool KnowsSessions = true, string? Version = null);

/// <summary>The nodes of the cluster at one moment.</summary>
/// <param name="Version">The membership version.</param>
/// <param name="Nodes">The silos that are nodes and not dead.</param>
/// <param name="Unknown">Active silos whose manifest has not arrived yet: they may be nodes.</param>
internal sealed record PresenceSilosSnapshot(
    long Version,
    FrozenDictionary<SiloAddress, PresenceSilo> Nodes,
    FrozenDictionary<SiloAddress, PresenceSilo> Unknown)
{
    public static readonly PresenceSilosSnapshot Empty =
        new(-1, FrozenDictionary<SiloAddress, PresenceSilo>.Empty, FrozenDictionary<SiloAddress, PresenceSilo>.Empty);

    /// <summary>Gets the addresses of the active nodes.</summary>
    public SiloAddress[] Active { get; } = [.. Nodes.Values.Where(n => n.IsActive).Select(n => n.Address)];
}

/// <summary>
/// Determines which silos of the cluster are nodes, from Orleans' membership and the property that <c>AddPresence</c>
/// adds to the silo's manifest (<see cref="NodeProperties"/>).
/// </summary>
/// <remarks>
/// The manifest of a joining silo arrives after its membership. Until then this silo does not treat it as a node, and
/// frames for it wait (<see cref="IsNodeAsync"/>). A manifest never changes, so it is read once. Handlers of
/// <see cref="Changed"/> are called with one snapshot at a time, in order, and must not block.
/// </remarks>
internal sealed partial class PresenceSilos : IDisposable
{
    private readonly IClusterMembershipService _membership;
    private readonly IClusterManifestProvider _manifests;
    private readonly SiloAddress _self;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<SiloAddress, NodeTraits> _traits = [];
    private readonly Dictionary<SiloAddress, TaskCompletionSource<bool>> _waiting = [];
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<SiloAddress, string> _left = new();
    private volatile PresenceSilosSnapshot _current = PresenceSilosSnapshot.Empty;
    private int _isStarted;

    public PresenceSilos(
        IClusterMembershipService membership,
        IClusterManifestProvider manifests,
        ILocalSiloDetails silo,
        ILogger<PresenceSilos> logger)
    {
        (_membership, _manifests, _self, _logger) = (membership, manifests, silo.SiloAddress, logger);
    }

    /// <summary>Raised with each snapshot that differs from the previous one.</summary>
    public event Action<PresenceSilosSnapshot>? Changed;

    /// <summary>Gets the current nodes.</summary>
    public PresenceSilosSnapshot Current
    {
        get
        {
            Start();
            return _current;
        }
    }

    /// <summary>
    /// Completes when this silo sees itself as active. Before that, its view of the cluster lacks its own manifest, and
    /// a stream that is registered then would never have a subscriber.
    /// </summary>
    public Task Joined
    {
        get
        {
            Start();
            return _joined.Task;
        }
    }

    /// <summary>Returns whether the silo is a node and not dead.</summary>
    public bool Contains(SiloAddress silo) => Current.Nodes.ContainsKey(silo);

    /// <summary>
    /// Returns whether the silo is a node that has not left. A node leaves before its silo stops, and membership may
    /// learn of that much later, when its table cannot be reached.
    /// </summary>
    public bool IsServing(SiloAddress silo) => Contains(silo) && !_left.ContainsKey(silo);

    /// <summary>Records that a node has left; see <see cref="IsServing"/>.</summary>
    public void MarkLeft(string name, ulong incarnation)
    {
        foreach (var silo in Current.Nodes.Values.Where(node => node.Name == name).Select(node => node.Address))
        {
            if (NodeView.IncarnationOf(silo) <= incarnation && incarnation <= NodeView.LastIncarnationOf(silo))
            {
                _left.TryAdd(silo, name);
            }
        }
    }

    /// <summary>Completes when it is known whether the silo is a node; returns false if it is dead.</summary>
    public Task<bool> IsNodeAsync(SiloAddress silo)
    {
        if (!Current.Unknown.ContainsKey(silo))
        {
            return Task.FromResult(Contains(silo));
        }

        lock (_gate)
        {
            if (!_current.Unknown.ContainsKey(silo))
            {
                return Task.FromResult(Contains(silo));
            }

            if (!_waiting.TryGetValue(silo, out var waiting))
            {
                _waiting.Add(silo, waiting = new(TaskCreationOptions.RunContinuationsAsynchronously));
            }

            return waiting.Task;
        }
    }

    /// <summary>Completes when it is known for every active silo whether it is a node, or after the timeout.</summary>
    public async Task KnownAsync(TimeSpan timeout, TimeProvider time, CancellationToken cancellation)
    {
        try
        {
            await Task.WhenAll(Current.Unknown.Keys.Select(IsNodeAsync)).WaitAsync(timeout, time, cancellation);
        }
        catch (TimeoutException)
        {
            // They become nodes when their manifests arrive.
        }
    }

    /// <summary>Gets the dead silos that membership still lists, and the nodes that have left.</summary>
    public IEnumerable<(SiloAddress Silo, string Name)> Ended => _membership.CurrentSnapshot.Members.Values
        .Where(member => member.Status == SiloStatus.Dead)
        .Select(member => (member.SiloAddress, member.Name))
        .Concat(_left.Select(left => (left.Key, left.Value)));

    /// <summary>Returns whether membership has declared the silo dead.</summary>
    public bool IsDead(SiloAddress silo) => _membership.CurrentSnapshot.GetSiloStatus(silo) == SiloStatus.Dead;

    /// <summary>Returns the name of a silo as membership has it; null if the silo is not in the cluster.</summary>
    public string? NameOf(SiloAddress silo) =>
        _membership.CurrentSnapshot.Members.TryGetValue(silo, out var found) ? found.Name : null;

    /// <summary>Returns the grain of a silo, given an address that may be outdated.</summary>
    /// <exception cref="ArgumentException">The text is not a silo address.</exception>
    /// <exception cref="SiloUnavailableException">The silo is not, or is no longer, a node.</exception>
    public IPinnedSiloGrain Grain(IGrainFactory grains, string silo)
    {
        if (!ShardKey.TryParseSilo(silo, out var address))
        {
            throw new ArgumentException($"'{silo}' is not a silo address.", nameof(silo));
        }

        return IsServing(address)
            ? grains.GetGrain<IPinnedSiloGrain>(silo)
            : throw new SiloUnavailableException($"Silo {silo} is not, or no longer, a presence node.");
    }

    /// <summary>Returns the current nodes, and again after each change. A slow reader gets only the latest.</summary>
    public async IAsyncEnumerable<PresenceSilosSnapshot> UpdatesAsync(
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var updates = Channel.CreateBounded<PresenceSilosSnapshot>(
            new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
        Action<PresenceSilosSnapshot> onChanged = snapshot => updates.Writer.TryWrite(snapshot);
        Changed += onChanged;
        try
        {
            yield return Current;
            await foreach (var snapshot in updates.Reader.ReadAllAsync(cancellation))
            {
                yield return snapshot;
            }
        }
        finally
        {
            Changed -= onChanged;
        }
    }

    /// <summary>Starts to observe membership and manifests. Only the first call has an effect.</summary>
    public void Start()
    {
        if (Interlocked.Exchange(ref _isStarted, 1) != 0)
        {
            return;
        }

        Refresh();
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => WatchAsync(_membership.MembershipUpdates));
            _ = Task.Run(() => WatchAsync(_manifests.Updates));
        }
    }

    public void Dispose()
    {
        // Several registrations may dispose this; nothing waits on the source's handle.
        _stop.Cancel();
    }

    private async Task WatchAsync<T>(IAsyncEnumerable<T> updates)
    {
        try
        {
            await foreach (var _ in updates.WithCancellation(_stop.Token))
            {
                Refresh();
            }
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }

    private void Refresh()
    {
        lock (_gate)
        {
            var next = Read(_membership.CurrentSnapshot, _manifests.Current);
            if (AreSame(next.Nodes, _current.Nodes) && AreSame(next.Unknown, _current.Unknown))
            {
                return;
            }

            _current = next;
            foreach (var gone in _left.Keys.Where(silo => !next.Nodes.ContainsKey(silo)))
            {
                _left.TryRemove(gone, out _);
            }

            if (next.Nodes.ContainsKey(_self))
            {
                _joined.TrySetResult();
            }

            foreach (var (silo, waiting) in _waiting.Where(w => !next.Unknown.ContainsKey(w.Key)).ToList())
            {
                _waiting.Remove(silo);
                waiting.SetResult(next.Nodes.ContainsKey(silo));
            }

            foreach (var handler in Changed?.GetInvocationList() ?? [])
            {
                try
                {
                    ((Action<PresenceSilosSnapshot>)handler)(next);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    LogHandlerFailed(_logger, e);
                }
            }
        }
    }

    private static bool AreSame(
        FrozenDictionary<SiloAddress, PresenceSilo> left, FrozenDictionary<SiloAddress, PresenceSilo> right) =>
        left.Count == right.Count && left.All(n => right.TryGetValue(n.Key, out var node) && node == n.Value);

    private PresenceSilosSnapshot Read(ClusterMembershipSnapshot membership, ClusterManifest manifests)
    {
        var nodes = new Dictionary<SiloAddress, PresenceSilo>();
        var unknown = new Dictionary<SiloAddress, PresenceSilo>();
        foreach (var node in membership.Members.Values)
        {
            var address = node.SiloAddress;
            if (node.Status is not (SiloStatus.Active or SiloStatus.ShuttingDown or SiloStatus.Stopping))
            {
                // Removed only when it cannot return under this address.
                if (node.Status == SiloStatus.Dead)
                {
                    _traits.Remove(address);
                }

                continue;
            }

            var silo = new PresenceSilo(address, node.Name, node.Status == SiloStatus.Active);
            var known = address.Equals(_self)
                ? new NodeTraits(IsNode: true, KnowsSessions: true, NodeStatus.LibraryVersion)
                : Find(address, manifests);
            if (known is (true, var knowsSessions, var version))
            {
                nodes.Add(address, silo with { KnowsSessions = knowsSessions, Version = version });
            }
            else if (known is null && silo.IsActive)
            {
                unknown.Add(address, silo);
            }
        }

        return new PresenceSilosSnapshot(
            membership.Version.Value, nodes.ToFrozenDictionary(), unknown.ToFrozenDictionary());
    }

    // The cluster's manifest no longer lists a silo that is shutting down, which is still a node.
    private NodeTraits? Find(SiloAddress silo, ClusterManifest manifests)
    {
        if (_traits.TryGetValue(silo, out var known))
        {
            return known;
        }

        return manifests.Silos.TryGetValue(silo, out var manifest)
            ? _traits[silo] = NodeProperties.Read(manifest)
            : null;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A handler of node changes threw.")]
    private static partial void LogHandlerFailed(ILogger logger, Exception error);
}
