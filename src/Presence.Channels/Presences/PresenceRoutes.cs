using Microsoft.Extensions.DependencyInjection;
using Presence.Channels.Runtime;
using Presence.Tracker;
using Presence.Tracker.Entries;

namespace Presence.Channels.Presences;

/// <summary>Maps topics to the <see cref="ChannelPresence"/> of their presences.</summary>
internal sealed class PresenceRoutes
{
    private readonly List<(TopicPattern Topics, Type Type)> _routes = [];

    public void Add(string topics, Type presence) => _routes.Add((new TopicPattern(topics), presence));

    public IReadOnlyList<PresenceRoute> Create(IServiceProvider services) =>
    [
        .. _routes.Select(route =>
            new PresenceRoute(route.Topics, (ChannelPresence)ActivatorUtilities.CreateInstance(services, route.Type))),
    ];
}

/// <summary>The instance for the presences of some topics.</summary>
internal sealed class PresenceRoute(TopicPattern topics, ChannelPresence presence)
{
    public TopicPattern Topics => topics;
    public ChannelPresence Presence => presence;
    public bool Fetches { get; } = presence.Overrides(nameof(ChannelPresence.FetchAsync));
    public bool HandlesMetas { get; } = presence.Overrides(nameof(ChannelPresence.HandleMetasAsync));

    /// <summary>Returns presences by key: those that are shown, and of other keys those of changes.</summary>
    public static Dictionary<string, IReadOnlyList<PresenceEntry>> ByKey(
        IEnumerable<PresenceChange> changes, IEnumerable<PresenceEntry> shown)
    {
        var byKey = new Dictionary<string, IReadOnlyList<PresenceEntry>>(StringComparer.Ordinal);
        foreach (var entries in new[] { changes.Select(change => change.Entry), shown })
        {
            foreach (var key in entries.GroupBy(entry => entry.Key, StringComparer.Ordinal))
            {
                byKey[key.Key] = [.. key];
            }
        }

        return byKey;
    }

    /// <summary>Fetches the fields to send with some presences, by key.</summary>
    /// <returns>Null if the fetch failed.</returns>
    public async ValueTask<IReadOnlyDictionary<string, byte[]>?> FetchAsync(
        ChannelServer server, string topic, Dictionary<string, IReadOnlyList<PresenceEntry>> entries)
    {
        using var timeout = new CancellationTokenSource(server.Limits.FetchTimeout, server.Time);
        try
        {
            var fetch = new PresenceFetch(topic, entries);
            var fetching = presence.FetchAsync(fetch, timeout.Token);
            if (!fetching.IsCompletedSuccessfully)
            {
                await fetching.AsTask().WaitAsync(timeout.Token);
            }

            return fetch.Encode();
        }
        catch (Exception e)
        {
            server.Log.FetchFailed(e, topic);
            server.Instruments.Failed("fetch");
            return null;
        }
    }
}
