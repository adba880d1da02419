using Presence.Channels;

namespace Presence.Silo;

/// <summary>The sample sockets and what their topics lead to. Start reading here.</summary>
internal static class HelloSockets
{
    public static ChannelsBuilder AddHelloSockets(this ChannelsBuilder channels) => channels
        .Socket<OpenSocket>(routes => routes
            .Channel<PingChannel>("ping")
            .Channel<WildChannel>("wild:*")
            .Channel<DupeChannel>("dupe"))
        .Socket<UserSocket>(routes => routes
            .Channel<RecurringChannel>("recurring")
            .Channel<TrackedChannel>("tracked")
            .Channel<UserChannel>("user:*")
            .Channel<RoomChannel>("room:*"));
}
