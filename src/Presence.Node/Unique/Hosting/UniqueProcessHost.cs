using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Presence.Node.InMemory;
using Presence.Node.Unique.InMemory;

namespace Presence.Node.Unique.Hosting;

internal sealed class UniqueProcessHost : IHostedLifecycleService, IUniqueProcessDirectory, IDisposable
{
    internal const string Topic = "unique processes";
    internal const string HandOverEvent = "hand over";

    private readonly IPresenceNode _node;
    private readonly Dictionary<string, UniqueRunner> _runners = new(StringComparer.Ordinal);
    private readonly UniqueInstruments _instruments;
    private readonly CancellationTokenSource _stopping = new();
    private IDisposable? _requests;
    private Task _running = Task.CompletedTask;

    public UniqueProcessHost(
        IPresenceNode node, IEnumerable<UniqueRegistration> registrations, IServiceProvider services, TimeProvider time)
    {
        _node = node;
        _instruments = new UniqueInstruments(services.GetService<IMeterFactory>());
        var log = services.GetService<ILoggerFactory>()?.CreateLogger("Presence.Unique") ?? NullLogger.Instance;
        foreach (var registration in registrations)
        {
            var election = ElectionOf(registration, services, time, log);
            var runner = new UniqueRunner(registration, election, node, services, _instruments, time, log);
            if (!_runners.TryAdd(registration.Name, runner))
            {
                throw new ArgumentException($"Unique process '{registration.Name}' was added twice.");
            }
        }
    }

    public IReadOnlyList<UniqueProcessStatus> List()
    {
        var statuses = new List<UniqueProcessStatus>();
        var tracker = _node.GetTracker(UniqueBoard.TrackerName);
        string? after = null;
        while (tracker.Topics(after, 100) is { Count: > 0 } page)
        {
            statuses.AddRange(page.Select(t => Find(t.Topic)).OfType<UniqueProcessStatus>());
            after = page[^1].Topic;
        }

        return statuses;
    }

    public UniqueProcessStatus? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return UniqueBoard.Read(_node.GetTracker(UniqueBoard.TrackerName), name);
    }

    public void RequestHandOver(string name)
    {
        var status = Find(name)
            ?? throw new ArgumentException($"No node has added a unique process '{name}'.", nameof(name));

        // Names the current node: a successor that took over before the message arrived must ignore it.
        var body = System.Text.Encoding.UTF8.GetBytes($"{status.Node}\n{name}");
        _node.PubSub.Broadcast(new PubSubMessage(Topic, HandOverEvent, body, IsBinary: true));
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        _requests = _node.PubSub.Subscribe(Topic, OnHandOverRequested);
        _running = Task.WhenAll(
            _runners.Values.Select(r => Task.Run(() => r.RunAsync(_stopping.Token), CancellationToken.None)));
        return Task.CompletedTask;
    }

    /// <summary>Stops the processes before the node leaves, so that no other node starts them too early.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        _requests?.Dispose();
        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAny(_running, Task.Delay(Timeout.Infinite, cancellationToken)).ConfigureAwait(false);
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _instruments.Dispose();
        _stopping.Dispose();
    }

    private static ILeaderElection ElectionOf(
        UniqueRegistration registration, IServiceProvider services, TimeProvider time, ILogger log)
    {
        var mode = registration.Options.Mode;
        var node = services.GetRequiredService<IPresenceNode>();
        if (services.GetServices<ILeaderElection>().LastOrDefault(a => a.Mode == mode) is { } registered)
        {
            registered.Validate(registration.Name);
            return registered;
        }

        if (mode == UniqueProcessMode.Available)
        {
            return services.GetRequiredService<IClusterTransport>() is InMemoryTransport transport
                ? new InMemoryElection(transport, time)
                : throw new InvalidOperationException(
                    $"Unique process '{registration.Name}' is in available mode; this transport has no election. "
                    + "Use the in-memory cluster or silos, or register an ILeaderElection of that mode.");
        }

        var store = services.GetService<ILeaseStore>() ?? throw new InvalidOperationException(
            $"Unique process '{registration.Name}' is in consistent mode, and no lease store is registered. "
            + "Register an ILeaseStore, such as that of Presence.Postgres, or use UniqueProcessMode.Available.");
        return new LeaseElection(store, node, time, log);
    }

    private void OnHandOverRequested(PubSubMessage message)
    {
        var parts = System.Text.Encoding.UTF8.GetString(message.Body.Span).Split('\n', 2);
        if (message.Event == HandOverEvent
            && parts.Length == 2
            && (parts[0].Length == 0 || parts[0] == _node.Name)
            && _runners.TryGetValue(parts[1], out var runner))
        {
            // Not on this thread, because later messages wait for it.
            ThreadPool.UnsafeQueueUserWorkItem(static r => r.HandOver(), runner, preferLocal: false);
        }
    }
}
