using Presence.Benchmarks.Viewers;

namespace Presence.Benchmarks.Rows;

/// <summary>
/// A topic that is sent as counts, beside loops that write messages of the same size, while a thousand a second join.
/// </summary>
internal static class ViewerRows
{
    private const string Group = "viewers";

    /// <summary>A process has at most 20,000 open files on many machines.</summary>
    private const int Viewers = 19_000;

    public static IEnumerable<Row> All =>
    [
        .. Of("/raw/socket", "raw WebSockets", isStream: false, isRaw: true),
        .. Of("/socket/websocket?vsn=2.0.0", "channels", isStream: false, isRaw: false),
        .. Of("/raw/events", "raw events", isStream: true, isRaw: true),
        .. Of("/presence/crowd/events", "Presence.AspNetCore events", isStream: true, isRaw: false),
    ];

    private static IEnumerable<Row> Of(string path, string name, bool isStream, bool isRaw) => Row.OfOneRun(
        Group,
        viewers => ViewerLoad.MeasureAsync(path, isStream, isRaw, viewers),
        Viewers,
        500,
        ($"{Viewers} viewers, {name}, 1000 joins/s, received per viewer", "B/s", "bytes"),
        ($"{Viewers} viewers, {name}, 1000 joins/s, messages per viewer", "1/s", "messages"),
        ($"{Viewers} viewers, {name}, 1000 joins/s, server CPU per message", "us", "processor"),
        ($"{Viewers} viewers, {name}, memory per viewer", "KiB", "memory"));
}
