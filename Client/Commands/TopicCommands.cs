using System.Text.Json;

namespace Presence.Client;

/// <summary><c>watch</c>, <c>list</c>, <c>get</c> and <c>track</c>: one topic, through <c>presence:TOPIC</c>.</summary>
internal static class TopicCommands
{
    public static async Task<int> ListAsync(ClientArguments arguments, ClientConsole console, CancellationToken stop)
    {
        var state = await StateAsync(arguments, stop);
        foreach (var (key, metas) in Entries(state))
        {
            Show(arguments, console, "present", key, metas);
        }

        return ClientProgram.Done;
    }

    public static async Task<int> GetAsync(ClientArguments arguments, ClientConsole console, CancellationToken stop)
    {
        var state = await StateAsync(arguments, stop);
        if (!state.TryGetProperty(arguments.Key, out var entry))
        {
            console.Error.WriteLine($"error: nobody is present in '{arguments.Topic}' under '{arguments.Key}'.");
            return ClientProgram.Failed;
        }

        Show(arguments, console, "present", arguments.Key, entry.GetProperty("metas"));
        return ClientProgram.Done;
    }

    public static async Task<int> WatchAsync(ClientArguments arguments, ClientConsole console, CancellationToken stop)
    {
        await using var socket = await OpenAsync(arguments, stop);
        var channel = socket.Channel("presence:" + arguments.Topic)
            .On("presence_state", state =>
            {
                foreach (var (key, metas) in Entries(state))
                {
                    Show(arguments, console, "present", key, metas);
                }
            })
            .On("presence_diff", diff => ShowDiff(arguments, console, diff));
        await channel.JoinAsync();
        await StopOrEndAsync(socket, channel, Timeout.InfiniteTimeSpan, stop);
        return ClientProgram.Done;
    }

    public static async Task<int> TrackAsync(ClientArguments arguments, ClientConsole console, CancellationToken stop)
    {
        var meta = Meta(arguments.Text("meta"));
        var seconds = arguments.Whole("seconds", 0, 0, 1_000_000);
        await using var socket = await OpenAsync(arguments, stop);
        var channel = socket.Channel("presence:" + arguments.Topic);
        await channel.JoinAsync(new { show = false });
        var tracked = await channel.PushAsync("track", new { key = arguments.Key, meta });
        var reference = tracked.GetProperty("phx_ref").GetString();
        ShowTracked(arguments, console, reference);
        await console.Out.FlushAsync(stop);
        await StopOrEndAsync(socket, channel, seconds == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds), stop);
        return ClientProgram.Done;
    }

    public static void ShowTracked(ClientArguments arguments, ClientConsole console, string? reference)
    {
        if (arguments.Json)
        {
            console.Json(new { @event = "tracked", topic = arguments.Topic, key = arguments.Key, phx_ref = reference });
        }
        else
        {
            console.Line($"{arguments.Key} is present in {arguments.Topic} ({reference}).");
        }
    }

    private static async Task<JsonElement> StateAsync(ClientArguments arguments, CancellationToken stop)
    {
        await using var socket = await OpenAsync(arguments, stop);
        var state = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        await socket.Channel("presence:" + arguments.Topic).On("presence_state", s => state.TrySetResult(s)).JoinAsync();
        try
        {
            return await state.Task.WaitAsync(TimeSpan.FromSeconds(30), stop);
        }
        catch (TimeoutException e)
        {
            throw new PhoenixException("the server did not say who is present within 30 s.", e);
        }
    }

    /// <summary>Until Ctrl-C or the time is over, which is well, or the connection or channel ends, which is not.</summary>
    private static async Task StopOrEndAsync(PhoenixSocket socket, PhoenixChannel channel, TimeSpan after, CancellationToken stop)
    {
        var enough = Task.Delay(after, stop);
        var ended = await Task.WhenAny(socket.Closed, channel.Ended, enough);
        if (ended != enough)
        {
            throw new PhoenixException($"the server ended it: {await (Task<string>)ended}.");
        }
    }

    private static Task<PhoenixSocket> OpenAsync(ClientArguments arguments, CancellationToken stop) =>
        AdminConnection.OpenAsync(arguments.Members[0], arguments.User, arguments.Password, stop);

    private static void ShowDiff(ClientArguments arguments, ClientConsole console, JsonElement diff)
    {
        var joins = diff.GetProperty("joins");
        var leaves = diff.GetProperty("leaves");
        foreach (var (key, metas) in Entries(leaves))
        {
            // A change comes as a join that names the leave it replaces.
            var gone = metas.EnumerateArray().Where(meta => !IsReplaced(joins, key, meta)).ToArray();
            if (gone.Length > 0)
            {
                Show(arguments, console, "leave", key, gone);
            }
        }

        foreach (var (key, metas) in Entries(joins))
        {
            foreach (var meta in metas.EnumerateArray())
            {
                var isUpdate = meta.TryGetProperty("phx_ref_prev", out var previous)
                    && Has(leaves, key, previous.GetString());
                Show(arguments, console, isUpdate ? "update" : "join", key, [meta]);
            }
        }

        console.Out.Flush();
    }

    private static bool IsReplaced(JsonElement joins, string key, JsonElement left) =>
        joins.TryGetProperty(key, out var entry)
        && entry.GetProperty("metas").EnumerateArray().Any(meta =>
            meta.TryGetProperty("phx_ref_prev", out var previous)
            && previous.GetString() == left.GetProperty("phx_ref").GetString());

    private static bool Has(JsonElement side, string key, string? reference) =>
        side.TryGetProperty(key, out var entry)
        && entry.GetProperty("metas").EnumerateArray().Any(meta => meta.GetProperty("phx_ref").GetString() == reference);

    private static IEnumerable<(string Key, JsonElement Metas)> Entries(JsonElement state) => state.EnumerateObject()
        .OrderBy(entry => entry.Name, StringComparer.Ordinal)
        .Select(entry => (entry.Name, entry.Value.GetProperty("metas")));

    private static void Show(ClientArguments arguments, ClientConsole console, string what, string key, JsonElement metas) =>
        Show(arguments, console, what, key, [.. metas.EnumerateArray()]);

    public static void Show(
        ClientArguments arguments,
        ClientConsole console,
        string what,
        string key,
        IReadOnlyList<JsonElement> metas)
    {
        if (arguments.Json)
        {
            console.Json(new { @event = what, topic = arguments.Topic, key, metas });
            return;
        }

        var mark = what switch { "join" => "+ ", "leave" => "- ", "update" => "~ ", _ => "  " };
        console.Line($"{mark}{OneLine(key)}  {string.Join("  ", metas.Select(meta => meta.GetRawText()))}");
    }

    /// <summary>Keys are anybody's text; what would move the cursor of a terminal is shown as a box.</summary>
    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? '\u25a1' : c));

    /// <exception cref="ClientUsageException">It is no JSON object.</exception>
    public static JsonElement Meta(string? text)
    {
        try
        {
            var meta = JsonSerializer.Deserialize<JsonElement>(text ?? "{}");
            return meta.ValueKind == JsonValueKind.Object
                ? meta
                : throw new ClientUsageException("--meta must be a JSON object.");
        }
        catch (JsonException e)
        {
            throw new ClientUsageException($"--meta is no JSON: {e.Message}");
        }
    }
}
