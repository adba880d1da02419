using Microsoft.Extensions.Hosting;
using Presence.Channels.Runtime;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Channels.Presences;

/// <summary>Registers a handler per route from the start of the host to its stop.</summary>
internal sealed class PresenceMetasHandlers(ChannelServer server) : IHostedService
{
    private readonly List<IAsyncDisposable> _handlers = [];

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var route in server.Presences.Where(route => route.HandlesMetas))
        {
            var handler = new PresenceMetasHandler(route);
            _handlers.Add(await server.Node.Tracker.AddHandlerAsync(handler, cancellationToken));
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

/// <summary>Calls <see cref="ChannelPresence.HandleMetasAsync"/> with the presences of the topic.</summary>
internal sealed class PresenceMetasHandler(PresenceRoute route) : IPresenceHandler
{
    private readonly Dictionary<string, PresenceSet> _topics = new(StringComparer.Ordinal);

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
                var change = new PresenceMetasChange(topic.Topic, topic.Changes, presences);
                await route.Presence.HandleMetasAsync(change, cancellation);
            }
            catch (Exception e)
            {
                // The other topics of the diff are handled all the same.
                (errors ??= []).Add(e);
            }
        }

        if (errors is not null)
        {
            throw new AggregateException(errors);
        }
    }

    private TopicSnapshot Apply(TopicDiff diff)
    {
        var presences = _topics.GetValueOrDefault(diff.Topic) ?? new PresenceSet(diff.Topic);
        presences.Apply(diff.Changes);
        if (presences.Current.Count == 0)
        {
            _topics.Remove(diff.Topic);
        }
        else
        {
            _topics[diff.Topic] = presences;
        }

        return presences.Current;
    }
}
