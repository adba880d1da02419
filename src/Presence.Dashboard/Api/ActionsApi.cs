using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Presence.Channels;
using Presence.Dashboard.SignIn;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary>The endpoints that change something. Each request is recorded in the audit log.</summary>
internal static class ActionsApi
{
    /// <summary>
    /// <c>POST /api/evict</c>: ends the presences of <c>{topic, key}</c>, or of <c>{key}</c> everywhere.
    /// </summary>
    public static async Task<IResult> Evict(HttpContext http)
    {
        var json = await ReadAsync(http, "{topic, key}");
        var (topic, key) = (json.Text("topic"), Required(json, "key"));
        var tracker = http.RequestServices.GetRequiredService<IPresenceNode>().Tracker;
        try
        {
            var evicted = topic is null
                ? await tracker.EvictKeyAsync(key, http.RequestAborted)
                : await tracker.EvictAsync(topic, key, http.RequestAborted);
            Record(http, $"evicted {evicted} presences of {key} from {topic ?? "all topics"}");
            return Results.Json(new { evicted });
        }
        catch (TimeoutException e)
        {
            Record(http, $"evicted presences of {key} from {topic ?? "all topics"}: {e.Message}");
            return AdminProblem.Timeout(e.Message);
        }
    }

    /// <summary><c>POST /api/disconnect</c>: closes the connections of a socket <c>{id}</c> on every node.</summary>
    public static async Task<IResult> Disconnect(HttpContext http)
    {
        var id = Required(await ReadAsync(http, "{id}"), "id");
        try
        {
            http.RequestServices.GetRequiredService<IChannelBroadcaster>().Disconnect(id);
        }
        catch (PresenceLimitException e)
        {
            // The message names the topic of the broadcast, which the client did not give.
            return AdminProblem.BadRequest($"'id' has {e.Size} bytes; the limit is {e.Limit} bytes.");
        }

        Record(http, $"disconnected {id}");
        return Results.Json(new { });
    }

    /// <summary><c>POST /api/handover</c>: moves the unique process <c>{process}</c> to another node.</summary>
    public static async Task<IResult> HandOver(HttpContext http)
    {
        var name = Required(await ReadAsync(http, "{process}"), "process");
        if (http.RequestServices.GetService<IUniqueProcessDirectory>() is not { } processes
            || processes.Find(name) is not { } status)
        {
            return AdminProblem.NotFound($"No node has added the unique process '{name}'.");
        }

        if (status.Standbys.Count == 0)
        {
            return AdminProblem.BadRequest($"No other node runs '{name}' as a standby.");
        }

        processes.RequestHandOver(name);
        Record(http, $"requested {status.Node} to hand {name} over");
        return Results.Json(new { });
    }

    /// <summary>Rejects requests that the policy of the options does not permit.</summary>
    public static async ValueTask<object?> CheckAsync(
        EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        if (Options(http).ActionsPolicy is { } policy)
        {
            var authorization = http.RequestServices.GetRequiredService<IAuthorizationService>();
            if (!(await authorization.AuthorizeAsync(http.User, policy)).Succeeded)
            {
                Record(http, $"was rejected at {http.Request.Path}");
                return AdminProblem.Forbidden($"The policy '{policy}' does not permit you to change anything here.");
            }
        }

        return await next(context);
    }

    private static Task<JsonElement> ReadAsync(HttpContext http, string shape) =>
        RequestBody.ReadAsync(http, Options(http).MaxBodyBytes, shape);

    private static PresenceDashboardOptions Options(HttpContext http) =>
        http.RequestServices.GetRequiredService<IOptions<PresenceDashboardOptions>>().Value;

    private static string Required(JsonElement json, string name) =>
        json.Text(name) is { Length: > 0 } text
            ? text
            : throw AdminProblem.BadRequest($"'{name}' must be a text that is not empty.");

    private static void Record(HttpContext http, string what)
    {
        var user = http.RequestServices.GetRequiredService<AdminAuthentication>().UserOf(http);
        http.RequestServices.GetRequiredService<AdminAudit>().Acted(http, user, what);
    }
}
