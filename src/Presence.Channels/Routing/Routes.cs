using Microsoft.Extensions.DependencyInjection;

namespace Presence.Channels;

/// <summary>One line of a socket's routing: topics of a pattern go to a channel.</summary>
internal sealed class ChannelRoute(string pattern, Type channel)
{
    private readonly TopicPattern _topics = new(pattern);
    private readonly ObjectFactory _factory = ActivatorUtilities.CreateFactory(channel, []);

    public bool Matches(string topic) => _topics.Matches(topic);

    public Channel Create(IServiceProvider services) => (Channel)_factory(services, null);
}

/// <summary>The routing of one kind of socket; the first pattern that fits counts.</summary>
public sealed class SocketRoutes
{
    private readonly List<ChannelRoute> _routes = [];
    private readonly ObjectFactory _factory;

    internal SocketRoutes(Type socketType)
    {
        SocketType = socketType;
        _factory = ActivatorUtilities.CreateFactory(socketType, []);
    }

    internal Type SocketType { get; }

    /// <summary>Gives topics to a channel: <c>room:lobby</c> for one topic, <c>room:*</c> for all that begin so.</summary>
    /// <exception cref="ArgumentException">A wildcard stands elsewhere than at the end.</exception>
    public SocketRoutes Channel<TChannel>(string pattern)
        where TChannel : Channel
    {
        _routes.Add(new ChannelRoute(pattern, typeof(TChannel)));
        return this;
    }

    internal ChannelRoute? Find(string topic)
    {
        foreach (var route in _routes)
        {
            if (route.Matches(topic))
            {
                return route;
            }
        }

        return null;
    }

    internal PresenceSocket Create(IServiceProvider services) => (PresenceSocket)_factory(services, null);
}

/// <summary>Declares sockets and what their topics lead to.</summary>
public sealed class ChannelsBuilder
{
    private readonly RouteTable _table;

    internal ChannelsBuilder(IServiceCollection services, RouteTable table)
    {
        Services = services;
        _table = table;
    }

    /// <summary>The application's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Declares a kind of socket and its channels; a second call for the same kind adds to it.</summary>
    public ChannelsBuilder Socket<TSocket>(Action<SocketRoutes> routes)
        where TSocket : PresenceSocket
    {
        ArgumentNullException.ThrowIfNull(routes);
        routes(_table.Declare(typeof(TSocket)));
        return this;
    }

    /// <summary>
    /// Passes the presences of some topics of the tracker through <typeparamref name="TPresence"/>: <c>room:lobby</c> for one
    /// topic, <c>room:*</c> for all that begin so. Of several that fit, the first one fetches; all of them handle changes.
    /// </summary>
    /// <exception cref="ArgumentException">A wildcard stands elsewhere than at the end.</exception>
    public ChannelsBuilder Presence<TPresence>(string topics)
        where TPresence : ChannelPresence
    {
        _table.Presences.Add(topics, typeof(TPresence));
        return this;
    }
}

internal sealed class RouteTable
{
    private readonly Dictionary<Type, SocketRoutes> _sockets = [];

    public PresenceRoutes Presences { get; } = new();

    public SocketRoutes Declare(Type socket)
    {
        if (!_sockets.TryGetValue(socket, out var routes))
        {
            _sockets.Add(socket, routes = new SocketRoutes(socket));
        }

        return routes;
    }

    public SocketRoutes For(Type socket) => _sockets.TryGetValue(socket, out var routes)
        ? routes
        : throw new InvalidOperationException(
            $"Socket {socket.Name} has no channels: declare it with AddChannels(c => c.Socket<{socket.Name}>(...)).");
}
