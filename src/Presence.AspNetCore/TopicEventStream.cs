using System.Net.ServerSentEvents;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Presence.Node.Feeds;

namespace Presence.AspNetCore;

/// <summary>
/// Answers with the events of a topic, each formatted once for all readers. <see cref="TypedResults.ServerSentEvents"/>
/// formats them for each one, in two buffers that each keeps: 8 KiB more per reader of a large topic.
/// </summary>
internal sealed class TopicEventStream(ChangeFeeds.FeedReading reading) : IResult
{
    private static readonly byte[] KeepAlive = Format(new SseItem<string>("", PresenceEvents.KeepAlive));

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var (response, aborted) = (httpContext.Response, httpContext.RequestAborted);
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache,no-store";
        response.Headers.Pragma = "no-cache";
        response.Headers[HeaderNames.ContentEncoding] = "identity";
        httpContext.Features.GetRequiredFeature<IHttpResponseBodyFeature>().DisableBuffering();
        using var ended = PresenceEvents.EndingWithHost(httpContext, aborted);
        try
        {
            await SendAsync(response, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            // The connection or the host ends.
        }
    }

    private async Task SendAsync(HttpResponse response, CancellationToken ended)
    {
        var body = response.BodyWriter;
        await body.WriteAsync(Format(PresenceEvents.Beginning()), ended);
        while (!ended.IsCancellationRequested)
        {
            if (reading.TryRead(out var message, out var next))
            {
                if ((await body.WriteAsync(message!.Encoded(Encode).Bytes, ended)).IsCompleted)
                {
                    return;
                }

                continue;
            }

            await next.WaitAsync(ended).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!ended.IsCancellationRequested && !reading.HasMore)
            {
                await body.WriteAsync(KeepAlive, ended);
            }
        }
    }

    private static EncodedEvent Encode(FeedMessage message) => new(Format(message switch
    {
        FeedState state => new SseItem<string>(
            JsonSerializer.Serialize(StateBody.Of(state), PresenceJson.Default.StateBody), "state")
        {
            EventId = state.Cursor.ToString(),
        },
        FeedDiff diff => new SseItem<string>(
            JsonSerializer.Serialize(DiffBody.Of(diff), PresenceJson.Default.DiffBody), "diff")
        {
            EventId = diff.Cursor.ToString(),
        },
        FeedCounts counts => new SseItem<string>(
            JsonSerializer.Serialize(CountsBody.Of(counts), PresenceJson.Default.CountsBody), "counts")
        {
            EventId = counts.Cursor.ToString(),
        },

        // The empty id makes the reader forget its last one: if it comes back after this, it needs what was announced.
        FeedMode mode => new SseItem<string>(
            JsonSerializer.Serialize(new ModeBody(mode.Topic, mode.Name), PresenceJson.Default.ModeBody), "mode")
        {
            EventId = "",
        },
        _ => throw new ArgumentException($"{message.GetType().Name} has no encoding.", nameof(message)),
    }));

    private static byte[] Format(SseItem<string> item)
    {
        using var bytes = new MemoryStream();

        // Neither the item nor the stream is waited for.
        SseFormatter.WriteAsync(ItemAsync(), bytes).GetAwaiter().GetResult();
        return bytes.ToArray();

        async IAsyncEnumerable<SseItem<string>> ItemAsync()
        {
            await Task.CompletedTask;
            yield return item;
        }
    }

    /// <summary>An event, encoded once for all readers.</summary>
    private sealed record EncodedEvent(byte[] Bytes);
}
