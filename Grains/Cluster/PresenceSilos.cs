using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Orleans.Metadata;
using Orleans.Runtime;
using Presence.Grains.Placement;

namespace Presence.Grains.Cluster;

/// <summary>A silo that is a node.</summary>
/// <param name="Address">Its address, generation included.</param>
/// <param name="Name">Its name.</param>
/// <param name="IsActive">False while it shuts down. It still sends and receives then.</param>
internal sealed record PresenceSilo(SiloAddress Address, string Name, bool IsActive);

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

    /// <summary>The addresses of the active ones.</summary>
    public SiloAddress[] Active { get; } = [.. Nodes.Values.Where(n => n.IsActive).Select(n => n.Address)];
}

/// <summary>
/// Determines which silos of the cluster are nodes, from Orleans' membership and the property that <c>AddPresence</c> puts into the
/// manifest of its silo (<see cref="NodeProperties"/>).
/// </summary>
/// <remarks>
/// The manifest of a silo that joins arrives after its membership. Until then it is not a node for this silo, and what is sent to
/// it waits (<see cref="IsNodeAsync"/>); when the manifest is here it becomes one, and is synchronized. A silo's manifest never changes, so it is read once. The handlers of
/// <see cref="Changed"/> are called one snapshot at a time, in order, and must not block.
/// </remarks>
internal sealed partial class PresenceSilos : IDisposable
{
    private readonly IClusterMembershipService _membership;
    private readonly IClusterManifestProvider _manifests;
    private readonly SiloAddress _self;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<SiloAddress, bool> _isNode = [];
    private readonly Dictionary<SiloAddress, TaskCompletionSource<bool>> _waiting = [];
    private readonly TaskCompletionSource _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
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

    /// <summary>Raised with each snapshot that differs from the one before.</summary>
    public event Action<PresenceSilosSnapshot>? Changed;

    /// <summary>The nodes now.</summary>
    public PresenceSilosSnapshot Current
    {
        get
        {
            Start();
            return _current;
        }
    }

    /// <summary>
    /// Completes when this silo sees itself as active. Before, its own manifest is not part of what it knows of the cluster, and a stream
    /// that is registered then would have no subscriber for as long as it is in use.
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

    /// <summary>Completes when it is known whether the silo is a node; with false also when it is dead.</summary>
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

    /// <summary>Completes when it is known of every active silo whether it is a node, or after the timeout.</summary>
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

    /// <summary>Returns whether membership has declared the silo dead.</summary>
    public bool IsDead(SiloAddress silo) => _membership.CurrentSnapshot.GetSiloStatus(silo) == SiloStatus.Dead;

    /// <summary>Returns the grain of a silo, whose address the caller may have had for long.</summary>
    /// <exception cref="ArgumentException">The text is no address of a silo.</exception>
    /// <exception cref="SiloUnavailableException">The silo is not a node, or no longer.</exception>
    public IPresenceSiloGrain Grain(IGrainFactory grains, string silo)
    {
        if (!ShardKey.TryParseSilo(silo, out var address))
        {
            throw new ArgumentException($"'{silo}' is no address of a silo.", nameof(silo));
        }

        return Contains(address)
            ? grains.GetGrain<IPresenceSiloGrain>(silo)
            : throw new SiloUnavailableException($"Silo {silo} is not, or is no longer, a presence node of this cluster.");
    }

    /// <summary>Returns the nodes now and after each change. A slow reader gets the latest.</summary>
    public async IAsyncEnumerable<PresenceSilosSnapshot> UpdatesAsync([EnumeratorCancellation] CancellationToken cancellation)
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

    /// <summary>Starts following membership and manifests. Only the first call has an effect.</summary>
    public void Start()
    {
        if (Interlocked.Exchange(ref _isStarted, 1) != 0)
        {
            return;
        }

        Refresh();
        using (ExecutionContext.SuppressFlow())
        {
            _ = Task.Run(() => FollowAsync(_membership.MembershipUpdates));
            _ = Task.Run(() => FollowAsync(_manifests.Updates));
        }
    }

    public void Dispose()
    {
        // Several registrations may dispose of it; nothing waits on the source's handle.
        _stop.Cancel();
    }

    private async Task FollowAsync<T>(IAsyncEnumerable<T> updates)
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
        foreach (var member in membership.Members.Values)
        {
            var address = member.SiloAddress;
            if (member.Status is not (SiloStatus.Active or SiloStatus.ShuttingDown or SiloStatus.Stopping))
            {
                // Forgotten only when it cannot come back under this address.
                if (member.Status == SiloStatus.Dead)
                {
                    _isNode.Remove(address);
                }

                continue;
            }

            var silo = new PresenceSilo(address, member.Name, member.Status == SiloStatus.Active);
            var isNode = address.Equals(_self) ? true : IsNode(address, manifests);
            if (isNode == true)
            {
                nodes.Add(address, silo);
            }
            else if (isNode is null && silo.IsActive)
            {
                unknown.Add(address, silo);
            }
        }

        return new PresenceSilosSnapshot(membership.Version.Value, nodes.ToFrozenDictionary(), unknown.ToFrozenDictionary());
    }

    // The cluster's manifest drops a silo that shuts down, which is still a node.
    private bool? IsNode(SiloAddress silo, ClusterManifest manifests)
    {
        if (_isNode.TryGetValue(silo, out var known))
        {
            return known;
        }

        return manifests.Silos.TryGetValue(silo, out var manifest) ? _isNode[silo] = NodeProperties.IsNode(manifest) : null;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A handler of changes of the presence nodes threw.")]
    private static partial void LogHandlerFailed(ILogger logger, Exception error);
}
