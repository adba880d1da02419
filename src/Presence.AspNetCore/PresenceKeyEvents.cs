using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Presence.Node;
using Presence.Node.KeyWatching;

namespace Presence.AspNetCore;

/// <summary>The endpoints of server-sent events about keys in many topics.</summary>
internal static class PresenceKeyEvents
{
    public static async Task<IResult> GetAsync(
        [FromQuery] string[] within,
        [FromQuery] string[] key,
        HttpContext http,
        PresenceRequest presence,
        CancellationToken cancellation) =>
        within is [{ } pattern]
            ? await StreamAsync(pattern, key, http, presence, cancellation)
            : PresenceProblem.BadRequest("within must be one topic, or one prefix of topics that ends with *.");

    public static async Task<IResult> PostAsync(
        HttpContext http, PresenceRequest presence, CancellationToken cancellation)
    {
        if (!http.Request.HasJsonContentType())
        {
            return PresenceProblem.NotJson("Send the keys as Content-Type: application/json.");
        }

        var (body, isTooLarge) = await KeyWatchBody.ReadAsync(http.Request, cancellation);
        return isTooLarge
            ? PresenceProblem.TooLarge($"The body is larger than {KeyWatchBody.MaxSize} bytes.")
            : await StreamAsync(body.Within, body.Keys, http, presence, cancellation);
    }

    private static async Task<IResult> StreamAsync(
        string within,
        IReadOnlyCollection<string> keys,
        HttpContext http,
        PresenceRequest presence,
        CancellationToken cancellation)
    {
        if (presence.Source.KeyWatches is not { } watches)
        {
            return PresenceProblem.NotSupported(
                "Keys can be watched on a silo or a node; this server is an Orleans client.");
        }

        var watch = await watches.OpenAsync(
            watches.Check(keys, within), presence.Authorizer, http.User, cancellation);
        http.Response.RegisterForDispose(watch);
        return TypedResults.ServerSentEvents(EventsAsync(http, watch, within, cancellation));
    }

    private static async IAsyncEnumerable<SseItem<string>> EventsAsync(
        HttpContext http, KeyWatch watch, string within, [EnumeratorCancellation] CancellationToken cancellation)
    {
        yield return PresenceEvents.Beginning();
        using var ended = PresenceEvents.EndingWithHost(http, cancellation);
        var items = watch.ReadAsync(ended.Token).GetAsyncEnumerator(CancellationToken.None);
        await using var _ = items.ConfigureAwait(false);
        for (var isState = true; await PresenceEvents.MoveNextAsync(items); isState &= items.Current is null)
        {
            yield return items.Current is not { } changes ? new SseItem<string>("", PresenceEvents.KeepAlive)
                : isState ? State(within, changes)
                : Diff(within, changes);
        }
    }

    private static SseItem<string> State(string within, IReadOnlyList<KeyChange> present) => new(
        JsonSerializer.Serialize(
            new KeyStateBody(within, [.. present.Select(change => change.Key)]), PresenceJson.Default.KeyStateBody),
        "state");

    private static SseItem<string> Diff(string within, IReadOnlyList<KeyChange> changes) => new(
        JsonSerializer.Serialize(
            new KeyDiffBody(within, [.. KeysOf(changes, true)], [.. KeysOf(changes, false)]),
            PresenceJson.Default.KeyDiffBody),
        "diff");

    private static IEnumerable<string> KeysOf(IReadOnlyList<KeyChange> changes, bool arePresent) =>
        changes.Where(change => change.IsPresent == arePresent).Select(change => change.Key);
}
