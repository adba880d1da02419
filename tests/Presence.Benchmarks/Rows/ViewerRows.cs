using Presence.Benchmarks.Viewers;

namespace Presence.Benchmarks.Rows;

/// <summary>
/// A topic that is sent as counts, beside loops that write messages of the same size, while a thousand a second join.
/// </summary>
internal static class ViewerRows
{
    private const string Group = "viewers";

    /// <summary>A process has at most 20,000 open files on many machines.</summary>
    private const int ManyViewers = 19_000;

    private const int IdleCount = 100_000;

    public static IEnumerable<Row> All =>
    [
        .. Of("/raw/socket", "raw WebSockets", isStream: false, isRaw: true),
        .. Of("/socket/websocket?vsn=2.0.0", "channels", isStream: false, isRaw: false),
        .. Of("/raw/events", "raw events", isStream: true, isRaw: true),
        .. Of("/presence/crowd/events", "Presence.AspNetCore events", isStream: true, isRaw: false),
        .. Idle("/raw/socket", "raw WebSockets", isStream: false, isRaw: true),
        .. Idle("/socket/websocket?vsn=2.0.0", "channels", isStream: false, isRaw: false),
        .. Idle("/raw/events", "raw events", isStream: true, isRaw: true),
        .. Idle("/presence/crowd/events", "Presence.AspNetCore events", isStream: true, isRaw: false),
    ];

    private static IEnumerable<Row> Idle(string path, string name, bool isStream, bool isRaw) => Row.OfOneRun(
        Group,
        viewers => IdleViewers.MeasureAsync(path, isStream, isRaw, viewers),
        IdleCount,
        500,
        ($"{IdleCount} idle viewers, {name} over HTTP/2, memory per viewer", "KiB", "memory"));

    private static IEnumerable<Row> Of(string path, string name, bool isStream, bool isRaw) => Row.OfOneRun(
        Group,
        viewers => ViewerLoad.MeasureAsync(path, isStream, isRaw, viewers),
        ManyViewers,
        500,
        ($"{ManyViewers} viewers, {name}, 1000 joins/s, received per viewer", "B/s", "bytes"),
        ($"{ManyViewers} viewers, {name}, 1000 joins/s, messages per viewer", "1/s", "messages"),
        ($"{ManyViewers} viewers, {name}, 1000 joins/s, server CPU per message", "us", "processor"),
        ($"{ManyViewers} viewers, {name}, memory per viewer", "KiB", "memory"));
}
