using Microsoft.Extensions.DependencyInjection;
using Presence.Channels.Presences;
using Presence.Tracker.Entries;

namespace Presence.Channels;

/// <summary>Routes the topics of a pattern to a channel.</summary>
internal sealed class ChannelRoute(string pattern, Type channel, TimeSpan? grace)
{
    private readonly TopicPattern _topics = new(pattern);
    private readonly ObjectFactory _factory = ActivatorUtilities.CreateFactory(channel, []);

    public string Name => channel.Name;

    /// <summary>Gets the grace of the channels; null for the configured one.</summary>
    public TimeSpan? Grace => grace;

    public bool Matches(string topic) => _topics.Matches(topic);
    public Channel Create(IServiceProvider services) => (Channel)_factory(services, null);
}

/// <summary>Routes of a socket; the first pattern that matches counts.</summary>
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

    /// <summary>Routes topics to a channel: <c>room:lobby</c> is one topic, <c>room:*</c> a prefix.</summary>
    /// <param name="pattern">The topics.</param>
    /// <param name="configure">Changes the options of the route.</param>
    /// <exception cref="ArgumentException">A wildcard is not at the end, or an option is out of range.</exception>
    public SocketRoutes Channel<TChannel>(string pattern, Action<ChannelRouteOptions>? configure = null)
        where TChannel : Channel
    {
        var options = new ChannelRouteOptions();
        configure?.Invoke(options);
        options.Validate();
        _routes.Add(new ChannelRoute(pattern, typeof(TChannel), options.Grace));
        return this;
    }

    internal ChannelRoute? Find(string topic) => _routes.Find(route => route.Matches(topic));
    internal PresenceSocket Create(IServiceProvider services) => (PresenceSocket)_factory(services, null);
}

/// <summary>Declares sockets, their channels and presences.</summary>
public sealed class ChannelsBuilder
{
    private readonly RouteTable _table;

    internal ChannelsBuilder(IServiceCollection services, RouteTable table)
    {
        Services = services;
        _table = table;
    }

    /// <summary>Gets the application's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Declares a socket and its channels; a second call for the same socket adds to it.</summary>
    public ChannelsBuilder Socket<TSocket>(Action<SocketRoutes> routes) where TSocket : PresenceSocket
    {
        ArgumentNullException.ThrowIfNull(routes);
        routes(_table.Declare(typeof(TSocket)));
        return this;
    }

    /// <summary>
    /// Passes the presences of tracker topics through <typeparamref name="TPresence"/>: <c>room:lobby</c> is one topic,
    /// <c>room:*</c> a prefix. Of several that match, the first one fetches; all of them handle changes.
    /// </summary>
    /// <exception cref="ArgumentException">A wildcard is not at the end.</exception>
    public ChannelsBuilder Presence<TPresence>(string topics) where TPresence : ChannelPresence
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
