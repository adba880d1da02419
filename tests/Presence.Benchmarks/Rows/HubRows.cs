using Presence.Benchmarks.Hubs;

namespace Presence.Benchmarks.Rows;

/// <summary>
/// <c>Presence.SignalR</c> and <c>Presence.AspNetCore</c> beside what applications write by hand, each against a fresh
/// server process.
/// </summary>
internal static class HubRows
{
    private const string Group = "hubs";
    private const int Changes = 30;

    private static readonly (string Hub, string Name)[] Hubs =
        [("naive", "by hand, naive"), ("batched", "by hand, batched"), ("library", "Presence.SignalR")];

    private static readonly (string Hub, string Name)[] WithBare = [("bare", "group send of SignalR"), .. Hubs];

    private static readonly (string Path, string Touch, string Name)[] Events =
        [("/raw/events", "/raw/touch", "raw loop"), ("/presence/room/events", "/touch", "Presence.AspNetCore")];

    public static IEnumerable<Row> All =>
    [
        .. Hubs.SelectMany(hub => Of(
            n => HubLoad.JoinStormAsync(hub.Hub, n), 1000,
            ($"1000 join one room at once, {hub.Name}, all complete", "s", "seconds"),
            ($"1000 join one room at once, {hub.Name}, server CPU", "s", "processor"))),
        .. WithBare.SelectMany(hub => Of(
            n => HubLoad.MemoryAsync(hub.Hub, n), 10_000,
            ($"memory per connection in rooms of 50, {hub.Name}, 10000", "KiB", "memory"),
            ($"memory per connection in rooms of 50, {hub.Name}, 10000, garbage apart", "KiB", "collected"))),
        .. WithBare.SelectMany(hub => Of(
            n => HubLoad.DiffAsync(hub.Hub, n, Changes), 5000,
            ($"diff to 5000, {hub.Name}, all have it p50", "ms", "p50"),
            ($"diff to 5000, {hub.Name}, all have it p99", "ms", "p99"),
            ($"diff to 5000, {hub.Name}, server CPU", "ms", "processor"))),
        .. Events.SelectMany(events => Of(
            n => HubLoad.EventsAsync(events.Path, events.Touch, n, Changes), 5000,
            ($"event to 5000 readers, {events.Name}, all have it p50", "ms", "p50"),
            ($"event to 5000 readers, {events.Name}, all have it p99", "ms", "p99"),
            ($"event to 5000 readers, {events.Name}, server CPU", "ms", "processor"))),
    ];

    private static IEnumerable<Row> Of(
        Func<int, Task<Dictionary<string, double>>> step,
        int connections,
        params (string Name, string Unit, string Figure)[] rows) => Row.OfOneRun(Group, step, connections, 200, rows);
}
