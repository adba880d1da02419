using System.Text.Json;

namespace Presence.CommandLine;

/// <summary><c>watch</c>, <c>list</c>, <c>get</c> and <c>track</c>.</summary>
internal static class TopicCommands
{
    public static async Task<int> ListAsync(ITopicClient topic, TopicOutput output, CancellationToken stop)
    {
        output.Show(await topic.ListAsync(null, stop));
        return ClientProgram.Done;
    }

    public static async Task<int> GetAsync(ITopicClient topic, string key, TopicOutput output, CancellationToken stop)
    {
        var found = await topic.ListAsync(key, stop);
        output.Show(found);
        return found.Count > 0 ? ClientProgram.Done : output.Fail($"nobody is present in '{output.Topic}' under '{key}'.");
    }

    public static async Task<int> WatchAsync(ITopicClient topic, TopicOutput output, CancellationToken stop)
    {
        await topic.WatchAsync(output.Show, stop);
        return await StopOrEndAsync(topic, Timeout.InfiniteTimeSpan, stop);
    }

    public static async Task<int> TrackAsync(
        ITopicClient topic, string key, JsonElement meta, int seconds, TopicOutput output, CancellationToken stop)
    {
        output.ShowTracked(key, await topic.TrackAsync(key, meta.ValueKind == JsonValueKind.Undefined ? ClientOptions.ToMeta("{}") : meta, stop));
        return await StopOrEndAsync(topic, seconds == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds), stop);
    }

    /// <summary>Waits for Ctrl-C or the end of the time, which is well, or for the server's end, which is not.</summary>
    private static async Task<int> StopOrEndAsync(ITopicClient topic, TimeSpan after, CancellationToken stop)
    {
        var (ended, enough) = (topic.Ended, Task.Delay(after, stop));
        return await Task.WhenAny(ended, enough) == enough
            ? ClientProgram.Done
            : throw new PhoenixException($"the server ended it: {await ended}.");
    }
}
