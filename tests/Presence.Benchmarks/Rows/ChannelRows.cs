using Presence.Benchmarks.Sockets;

namespace Presence.Benchmarks.Rows;

/// <summary>The cost of sockets and channels, with a separate server process and a cheap load generator.</summary>
internal static class ChannelRows
{
    private const string Group = "channels";

    public static IEnumerable<Row> All =>
    [
        .. Of(
            sockets => SocketLoad.IdleAsync(sockets, null), 10_000,
            ("memory per socket, connected only, 10000", "KiB", "memory")),
        .. Of(
            sockets => SocketLoad.IdleAsync(sockets, "plain"), 10_000,
            ("memory per socket, own plain topic, 10000", "KiB", "memory"),
            ("10000 connect and join own plain topics", "s", "seconds"),
            ("10000 connect and join own plain topics, server CPU", "s", "processor")),
        .. Of(
            sockets => SocketLoad.IdleAsync(sockets, "room"), 10_000,
            ("memory per socket, own presence room, 10000", "KiB", "memory"),
            ("10000 connect and join own presence rooms", "s", "seconds"),
            ("10000 connect and join own presence rooms, server CPU", "s", "processor")),
        .. Of(
            sockets => SocketLoad.BroadcastAsync(sockets, 30, 60), 5000,
            ("memory per socket, one plain topic of 5000", "KiB", "memory"),
            ("broadcast to 5000, delivery p50", "ms", "p50"),
            ("broadcast to 5000, delivery p99", "ms", "p99"),
            ("broadcast to 5000, server CPU per message", "ms", "processor"),
            ("burst to 5000", "deliveries/s", "deliveries")),
        .. Of(
            sockets => SocketLoad.BroadcastAsync(sockets, 30, 300), 1000,
            ("broadcast to 1000, delivery p50", "ms", "p50"),
            ("broadcast to 1000, delivery p99", "ms", "p99")),
        .. Of(
            SocketLoad.JoinStormAsync, 1000,
            ("1000 join one room at once, all complete", "s", "seconds"),
            ("1000 join one room at once, server CPU", "s", "processor"),
            ("1000 join one room at once, received per client", "KiB", "bytes"),
            ("1000 join one room at once, frames per client", "frames", "frames"),
            ("1000 join one room at once, full state", "KiB", "state")),
        .. Of(
            sockets => SocketLoad.ReconnectAsync(sockets, 50), 5000,
            ("5000 in rooms of 50 reconnect at once, settled", "s", "seconds"),
            ("5000 in rooms of 50 reconnect at once, server CPU", "s", "processor")),
    ];

    private static IEnumerable<Row> Of(
        Func<int, Task<Dictionary<string, double>>> step,
        int sockets,
        params (string Name, string Unit, string Figure)[] rows) => Row.OfOneRun(Group, step, sockets, 500, rows);
}
