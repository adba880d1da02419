using System.Globalization;
using System.Net.ServerSentEvents;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Presence.Node;
using Presence.Node.Feeds;
using Presence.Tracker;

namespace Presence.AspNetCore;

/// <summary>The endpoint of server-sent events.</summary>
internal static class PresenceEvents
{
    /// <summary>Name of the event that only shows that the connection is alive.</summary>
    internal const string KeepAlive = "keep-alive";

    private const int MinRetryMilliseconds = 1000;
    private const int MaxRetryMilliseconds = 5000;

    public static async Task<IResult> StreamAsync(
        string topic,
        [FromHeader(Name = "Last-Event-ID")] string? lastEventId,
        [FromQuery] string[] first,
        [FromQuery] string[] prefix,
        [FromQuery] string[] where,
        HttpContext http,
        PresenceRequest presence,
        CancellationToken cancellation)
    {
        topic = PresenceRequest.Unescape(topic);
        await presence.RequireAsync(PresenceOperation.Subscribe, topic, null);
        var view = ViewOf(first, prefix, where);

        // An unknown id, such as one of another server, is answered with the state.
        FeedCursor? cursor = FeedCursor.TryParse(lastEventId, out var at) ? at : null;
        var reading = await presence.Feeds.OpenAsync(topic, view, cursor, cancellation);
        http.Response.RegisterForDispose(reading);
        return new TopicEventStream(reading);
    }

    /// <summary>Reads a view from query parameters, where each <c>where</c> is a field, <c>=</c> and a value.</summary>
    /// <exception cref="PresenceViewException">They are malformed.</exception>
    private static PresenceView? ViewOf(string[] first, string[] prefix, string[] where)
    {
        if (first.Length + prefix.Length + where.Length == 0)
        {
            return null;
        }

        if (first.Length > 1 || prefix.Length > 1 || where.Length > PresenceView.MaxFields)
        {
            throw new PresenceViewException(
                $"first and prefix are given at most once, where at most {PresenceView.MaxFields} times.");
        }

        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var field in where)
        {
            if (field.Split('=', 2) is not [var name, var value] || !fields.TryAdd(name, value))
            {
                throw new PresenceViewException("where is a field and a value, such as where=/status=busy, each once.");
            }
        }

        return new PresenceView
        {
            First = first is not [var text] ? null
                : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var keys) ? keys
                : throw new PresenceViewException($"first must be a whole number, 1 to {PresenceView.MaxFirst}."),
            Prefix = prefix is [var start] ? start : null,
            Where = fields,
        };
    }

    /// <summary>Returns the first event, which states when to return after a loss of the connection.</summary>
    internal static SseItem<string> Beginning() => new("", KeepAlive)
    {
        // Each reader has its own time, so that not all return at once after a restart.
        ReconnectionInterval = TimeSpan.FromMilliseconds(
            Random.Shared.Next(MinRetryMilliseconds, MaxRetryMilliseconds)),
    };

    /// <summary>Returns what is canceled at the end of the connection or of the host.</summary>
    internal static CancellationTokenSource EndingWithHost(HttpContext http, CancellationToken cancellation) =>
        CancellationTokenSource.CreateLinkedTokenSource(
            cancellation, http.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);

    /// <summary>Returns false at the end, which is that of the connection or of the host.</summary>
    internal static async ValueTask<bool> MoveNextAsync<T>(IAsyncEnumerator<T> messages)
    {
        try
        {
            return await messages.MoveNextAsync();
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
