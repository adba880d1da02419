using System.Globalization;
using System.Text.Json;

namespace Presence.CommandLine;

/// <summary><c>cluster</c>: members, and what each knows of the others.</summary>
internal static class ClusterCommand
{
    public static async Task<int> RunAsync(NodeAccess access, bool json, ClientConsole console, CancellationToken stop)
    {
        await using var socket = await AdminConnection.OpenAsync(access.Nodes[0], access, stop);
        var first = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var whole = new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously);
        var heard = 0;
        await socket.Channel("admin:cluster").On("cluster", body =>
        {
            first.TrySetResult(body);
            // The other members are asked when somebody looks: they have answered by the second message, or do not.
            if (IsWhole(body) || ++heard > 2)
            {
                whole.TrySetResult(body);
            }
        }).JoinAsync();
        JsonElement cluster;
        try
        {
            cluster = await whole.Task.WaitAsync(TimeSpan.FromSeconds(4), stop);
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

    private static bool IsWhole(JsonElement body)
    {
        var up = body.GetProperty("members").EnumerateArray().Count(member => member.GetProperty("status").GetString() == "up");
        return body.GetProperty("pairs").EnumerateArray().Select(p => p.GetProperty("from").GetString()).Distinct().Count() >= up;
    }

    private static void Show(ClientConsole console, JsonElement cluster)
    {
        console.Line($"{Text(cluster, "node")} ({Text(cluster, "state")}), engine {Text(cluster, "engine")}, "
            + $"version {Text(cluster, "version")}, {Text(cluster, "entries")} presences");
        console.Line("");
        console.Line($"{"member",-24} {"status",-10} {"presences",10}");
        foreach (var member in cluster.GetProperty("members").EnumerateArray())
        {
            console.Line($"{Text(member, "name"),-24} {Text(member, "status"),-10} {Text(member, "entries"),10}");
        }

        console.Line("");
        console.Line($"{"from",-24} {"to",-24} {"status",-8} {"lag ms",10} {"silent ms",10}");
        foreach (var pair in cluster.GetProperty("pairs").EnumerateArray())
        {
            console.Line($"{Text(pair, "from"),-24} {Text(pair, "to"),-24} {Text(pair, "status"),-8} "
                + $"{Milliseconds(pair, "lag_ms"),10} {Milliseconds(pair, "silent_ms"),10}");
        }
    }

    private static string Text(JsonElement json, string name) => json.GetProperty(name).ToString();

    private static string Milliseconds(JsonElement json, string name) =>
        json.GetProperty(name).GetDouble().ToString("0", CultureInfo.InvariantCulture);
}
