using System.Collections.Immutable;
using Microsoft.Extensions.Hosting;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels;

/// <summary>Calls <see cref="ChannelPresence.HandleMetasAsync"/> from the start of the host to its end.</summary>
internal sealed class MetasHandlers(ChannelServer server) : IHostedService
{
    private readonly List<IAsyncDisposable> _handlers = [];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var route in server.Presences.Where(route => route.HandlesMetas))
        {
            _handlers.Add(await server.Node.Tracker.AddHandlerAsync(new MetasHandler(route), cancellationToken));
        }
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        foreach (var handler in _handlers)
        {
            await handler.DisposeAsync();
        }
    }
}

/// <summary>Keeps who is present by key, for the topics of one pattern.</summary>
internal sealed class MetasHandler(PresenceRoute route) : IPresenceHandler
{
    private static readonly ImmutableDictionary<string, IReadOnlyList<PresenceEntry>> Nobody =
        ImmutableDictionary.Create<string, IReadOnlyList<PresenceEntry>>(StringComparer.Ordinal);

    private readonly Dictionary<string, ImmutableDictionary<string, IReadOnlyList<PresenceEntry>>> _topics =
        new(StringComparer.Ordinal);

    public async ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        List<Exception>? errors = null;
        foreach (var topic in diff.Topics)
        {
            if (!route.Topics.Matches(topic.Topic))
            {
                continue;
            }

            var presences = Apply(topic);
            try
            {
                await route.Presence.HandleMetasAsync(new MetasChange(topic.Topic, topic.Changes, presences), cancellation);
            }
            catch (Exception e)
            {
                // The other topics of the diff have their turn all the same.
                (errors ??= []).Add(e);
            }
        }

        if (errors is not null)
        {
            throw new AggregateException(errors);
        }
    }

    private ImmutableDictionary<string, IReadOnlyList<PresenceEntry>> Apply(TopicDiff diff)
    {
        var presences = _topics.GetValueOrDefault(diff.Topic, Nobody);
        foreach (var change in diff.Changes)
        {
            var key = change.Entry.Key;
            var entries = presences.TryGetValue(key, out var present) ? [.. present] : new List<PresenceEntry>(1);
            var at = entries.FindIndex(e => e.Process == change.Entry.Process && e.Owner == change.Entry.Owner);
            if (change.Kind == PresenceChangeKind.Left)
            {
                if (at >= 0)
                {
                    entries.RemoveAt(at);
                }
            }
            else if (at >= 0)
            {
                entries[at] = change.Entry;
            }
            else
            {
                entries.Add(change.Entry);
            }

            presences = entries.Count == 0 ? presences.Remove(key) : presences.SetItem(key, entries);
        }

        if (presences.IsEmpty)
        {
            _topics.Remove(diff.Topic);
        }
        else
        {
            _topics[diff.Topic] = presences;
        }

        return presences;
    }
}
