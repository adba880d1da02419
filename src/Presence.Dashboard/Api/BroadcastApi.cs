using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Presence.Dashboard.SignIn;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary><c>POST /api/broadcast</c>: broadcasts <c>{topic, event, payload}</c> on every node.</summary>
internal static class BroadcastApi
{
    public static async Task<IResult> Broadcast(HttpContext http)
    {
        var limit = http.RequestServices.GetRequiredService<IOptions<PresenceDashboardOptions>>().Value.MaxBodyBytes;
        var json = await RequestBody.ReadAsync(
            http, limit, "{topic, event, payload}", " (Presence:Admin:MaxBodyBytes)");
        if (json.Text("topic") is not { Length: > 0 } topic || json.Text("event") is not { Length: > 0 } name)
        {
            return AdminProblem.BadRequest("'topic' and 'event' must be texts that are not empty.");
        }

        if (name.StartsWith("phx_", StringComparison.Ordinal))
        {
            return AdminProblem.BadRequest("Events that begin with 'phx_' belong to the protocol.");
        }

        try
        {
            var payload = json.TryGetProperty("payload", out var given) ? given.GetRawText() : "{}";
            var message = new PubSubMessage(topic, name, Encoding.UTF8.GetBytes(payload));
            http.RequestServices.GetRequiredService<IPresenceNode>().PubSub.Broadcast(message);
            var services = http.RequestServices;
            var user = services.GetRequiredService<AdminAuthentication>().UserOf(http);
            services.GetRequiredService<AdminAudit>().Broadcast(http, user, topic, name, message.Body.Length);
            return Results.Json(new { });
        }
        catch (PresenceLimitException e)
        {
            return AdminProblem.BadRequest(e.Message);
        }
    }
}
