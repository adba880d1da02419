using System.Text.Json;
using Presence.CommandLine.Connections;

namespace Presence.CommandLine.Commands;

/// <summary><c>watch</c>, <c>list</c>, <c>get</c> and <c>track</c>.</summary>
internal static class TopicCommands
{
    public static async Task<int> ListAsync(ITopicClient topic, TopicOutput output, CancellationToken stop)
    {
        var found = await topic.ListAsync(null, stop);
        output.Show(found);
        if (found.Count == 0)
        {
            output.ShowNobody();
        }

        return ClientProgram.Done;
    }

    public static async Task<int> GetAsync(ITopicClient topic, string key, TopicOutput output, CancellationToken stop)
    {
        var found = await topic.ListAsync(key, stop);
        output.Show(found);
        return found.Count > 0
            ? ClientProgram.Done
            : throw new PhoenixException($"nobody is present in '{output.Topic}' under '{key}'.");
    }

    public static async Task<int> WatchAsync(ITopicClient topic, TopicOutput output, CancellationToken stop)
    {
        var isShown = false;
        await topic.WatchAsync(
            e =>
            {
                Volatile.Write(ref isShown, true);
                output.Show(e);
            },
            stop);
        if (!Volatile.Read(ref isShown))
        {
            output.ShowNobody();
        }

        return await StopOrEndAsync(topic, Timeout.InfiniteTimeSpan, stop);
    }

    public static async Task<int> TrackAsync(
        ITopicClient topic, string key, JsonElement meta, int seconds, TopicOutput output, CancellationToken stop)
    {
        output.ShowTracked(key, await topic.TrackAsync(key, meta, stop));
        var after = seconds == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds);
        return await StopOrEndAsync(topic, after, stop);
    }

    /// <summary>Waits for Ctrl-C or the timeout; an end by the server is an error.</summary>
    private static async Task<int> StopOrEndAsync(ITopicClient topic, TimeSpan after, CancellationToken stop)
    {
        var (ended, timeout) = (topic.Ended, Task.Delay(after, stop));
        return await Task.WhenAny(ended, timeout) == timeout
            ? ClientProgram.Done
            : throw new PhoenixException($"the server ended the connection: {await ended}.");
    }
}
