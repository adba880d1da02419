using System.Text.Json;
using System.Text.Json.Nodes;
using Orleans.Runtime;
using Presence.Grains;
using Presence.Tracker;

namespace Presence.Client;

/// <summary><c>watch</c>, <c>list</c>, <c>get</c> and <c>track</c> through grains, with the output that the socket gives.</summary>
internal static class OrleansCommands
{
    public static async Task<int> RunAsync(ClientArguments arguments, ClientConsole console, CancellationToken stop)
    {
        await using var orleans = await OrleansConnection.OpenAsync(arguments, stop);
        try
        {
            return arguments.Verb switch
            {
                "watch" => await WatchAsync(orleans, arguments, console, stop),
                "list" => await ListAsync(orleans, arguments, console),
                "get" => await GetAsync(orleans, arguments, console),
                _ => await TrackAsync(orleans, arguments, console, stop),
            };
        }
        catch (Exception e) when (e is TimeoutException or OrleansException or PresenceLimitException)
        {
            throw new PhoenixException(e.Message, e);
        }
    }

    private static async Task<int> ListAsync(OrleansConnection orleans, ClientArguments arguments, ClientConsole console)
    {
        Show(arguments, console, (await orleans.Topic(arguments.Topic).List()).Presences);
        return ClientProgram.Done;
    }

    private static async Task<int> GetAsync(OrleansConnection orleans, ClientArguments arguments, ClientConsole console)
    {
        var presences = await orleans.Topic(arguments.Topic).GetByKey(arguments.Key);
        if (presences.Count == 0)
        {
            console.Error.WriteLine($"error: nobody is present in '{arguments.Topic}' under '{arguments.Key}'.");
            return ClientProgram.Failed;
        }

        Show(arguments, console, presences);
        return ClientProgram.Done;
    }

    private static async Task<int> WatchAsync(
        OrleansConnection orleans, ClientArguments arguments, ClientConsole console, CancellationToken stop)
    {
        var isFirst = true;
        await using var watch = await orleans.Presence.WatchAsync(
            arguments.Topic,
            changes =>
            {
                // The first batch is everybody who is there already.
                if (Interlocked.Exchange(ref isFirst, false) && changes.All(c => c.Kind == PresenceChangeKind.Joined))
                {
                    Show(arguments, console, [.. changes.Select(c => c.Entry)]);
                }
                else
                {
                    ShowChanges(arguments, console, changes);
                }

                console.Out.Flush();
                return default;
            },
            stop);
        Volatile.Write(ref isFirst, false);
        await UntilStoppedAsync(Timeout.InfiniteTimeSpan, stop);
        return ClientProgram.Done;
    }

    private static async Task<int> TrackAsync(
        OrleansConnection orleans, ClientArguments arguments, ClientConsole console, CancellationToken stop)
    {
        var meta = TopicCommands.Meta(arguments.Text("meta"));
        var seconds = arguments.Whole("seconds", 0, 0, 1_000_000);
        await using var tracked = await orleans.Presence.TrackAsync(
            arguments.Topic, arguments.Key, PresenceMeta.Parse(meta.GetRawText()), stop);
        TopicCommands.ShowTracked(arguments, console, tracked.Handle.Ref);
        await console.Out.FlushAsync(stop);
        await UntilStoppedAsync(seconds == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds), stop);
        return ClientProgram.Done;
    }

    private static async Task UntilStoppedAsync(TimeSpan after, CancellationToken stop)
    {
        try
        {
            await Task.Delay(after, stop);
        }
        catch (OperationCanceledException)
        {
            // What was asked for.
        }
    }

    private static void Show(ClientArguments arguments, ClientConsole console, IReadOnlyList<PresenceEntry> presences)
    {
        foreach (var key in presences.GroupBy(p => p.Key, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            TopicCommands.Show(arguments, console, "present", key.Key, [.. key.Select(Meta)]);
        }
    }

    private static void ShowChanges(ClientArguments arguments, ClientConsole console, IReadOnlyList<PresenceChange> changes)
    {
        foreach (var change in changes)
        {
            var what = change.Kind switch
            {
                PresenceChangeKind.Joined => "join",
                PresenceChangeKind.Updated => "update",
                _ => "leave",
            };
            TopicCommands.Show(arguments, console, what, change.Entry.Key, [Meta(change.Entry)]);
        }
    }

    /// <summary>The metadata with the references that the socket adds.</summary>
    private static JsonElement Meta(PresenceEntry presence)
    {
        var meta = (JsonObject)JsonNode.Parse(presence.Meta.Utf8.Span)!;
        meta["phx_ref"] = presence.Ref;
        if (presence.PreviousRef is { } previous)
        {
            meta["phx_ref_prev"] = previous;
        }

        return JsonSerializer.SerializeToElement(meta);
    }
}
