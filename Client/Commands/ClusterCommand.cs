using System.Globalization;
using System.Text.Json;
using Presence.CommandLine.Connections;

namespace Presence.CommandLine.Commands;

/// <summary><c>cluster</c>: the nodes and their views of each other.</summary>
internal static class ClusterCommand
{
    public static async Task<int> RunAsync(NodeAccess access, bool json, ClientConsole console, CancellationToken stop)
    {
        await using var socket = await AdminConnection.OpenAsync(access.Nodes[0], access, stop);
        var first = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var complete = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var messages = 0;
        await socket.Channel("admin:cluster").On("cluster", body =>
        {
            first.TrySetResult(body);
            // Nodes exchange reports only while an admin is connected: by the second message every live node has sent
            // one.
            if (IsComplete(body) || ++messages > 2)
            {
                complete.TrySetResult(body);
            }
        }).JoinAsync();
        JsonElement cluster;
        try
        {
            cluster = await complete.Task.WaitAsync(TimeSpan.FromSeconds(4), stop);
        }
        catch (TimeoutException) when (first.Task.IsCompleted)
        {
            cluster = await first.Task;
        }
        catch (TimeoutException e)
        {
            throw new PhoenixException("the server did not answer within 4 s.", e);
        }

        if (json)
        {
            console.Json(cluster);
        }
        else
        {
            Show(console, cluster);
        }

        return ClientProgram.Done;
    }

    private static bool IsComplete(JsonElement body)
    {
        var up = body.GetProperty("nodes").EnumerateArray().Count(node => Text(node, "status") == "up");
        return body.GetProperty("pairs").EnumerateArray().Select(pair => Text(pair, "from")).Distinct().Count() >= up;
    }

    private static void Show(ClientConsole console, JsonElement cluster)
    {
        console.Line($"{Text(cluster, "node")} ({Text(cluster, "state")}), "
            + $"cluster transport {TransportOf(cluster)}, "
            + $"version {Text(cluster, "version")}, {Text(cluster, "entries")} presences");
        console.Line("");
        console.Line($"{"node",-24} {"status",-10} {"presences",10}");
        foreach (var node in cluster.GetProperty("nodes").EnumerateArray())
        {
            console.Line($"{Text(node, "name"),-24} {Text(node, "status"),-10} {Text(node, "entries"),10}");
        }

        console.Line("");
        console.Line($"{"from",-24} {"to",-24} {"status",-8} {"lag ms",10} {"silent ms",10}");
        foreach (var pair in cluster.GetProperty("pairs").EnumerateArray())
        {
            console.Line($"{Text(pair, "from"),-24} {Text(pair, "to"),-24} {Text(pair, "status"),-8} "
                + $"{Milliseconds(pair, "lag_ms"),10} {Milliseconds(pair, "silent_ms"),10}");
        }
    }

    /// <summary>Returns the name of the transport, and since when and why it is disconnected.</summary>
    private static string TransportOf(JsonElement cluster)
    {
        var transport = cluster.GetProperty("transport");
        var (name, state) = (Text(transport, "name"), Text(transport, "state"));
        if (state == "connected")
        {
            return name;
        }

        var since = transport.GetProperty("since") is { ValueKind: JsonValueKind.String } at
            ? string.Create(CultureInfo.InvariantCulture, $" since {at.GetDateTimeOffset():u}") : "";
        var error = transport.GetProperty("last_error") is { ValueKind: JsonValueKind.String } last
            ? $": {last}" : "";
        return $"{name} ({state}{since}{error})";
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).ToString();

    private static string Milliseconds(JsonElement json, string name) =>
        json.GetProperty(name).GetDouble().ToString("0", CultureInfo.InvariantCulture);
}
