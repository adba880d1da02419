using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Presence.Node;
using Presence.Tracker;

namespace Presence.Dashboard;

/// <summary><c>POST /api/broadcast</c>: <c>{topic, event, payload}</c> to the subscribers of a channel topic on every member.</summary>
internal static class BroadcastApi
{
    public static async Task<IResult> Broadcast(HttpContext http)
    {
        // Insisting on JSON also keeps out forms of other sites: a browser would have to ask first.
        if (!http.Request.HasJsonContentType())
        {
            return AdminProblems.NotJson();
        }

        var limit = http.RequestServices.GetRequiredService<PresenceAdminOptions>().MaxBodyBytes;
        if (await RequestBody.ReadAsync(http, limit) is not { } body)
        {
            return AdminProblems.TooLarge($"The body is larger than {limit} bytes (Presence:Admin:MaxBodyBytes).");
        }

        try
        {
            using var json = JsonDocument.Parse(body);
            if (!TryMessage(json.RootElement, out var message, out var fault))
            {
                return AdminProblems.BadRequest(fault);
            }

            http.RequestServices.GetRequiredService<IPresenceNode>().PubSub.Broadcast(message!);
            return Results.Json(new { });
        }
        catch (JsonException e)
        {
            return AdminProblems.BadRequest($"The body is not valid JSON: {e.Message}");
        }
        catch (PresenceLimitException e)
        {
            return AdminProblems.BadRequest(e.Message);
        }
    }

    private static bool TryMessage(JsonElement json, out PubSubMessage? message, out string fault)
    {
        message = null;
        fault = "";
        if (json.ValueKind != JsonValueKind.Object)
        {
            fault = "The body must be an object {topic, event, payload}.";
        }
        else if (!TryName(json, "topic", out var topic) || !TryName(json, "event", out var name))
        {
            fault = "'topic' and 'event' must be texts that are not empty.";
        }
        else if (name.StartsWith("phx_", StringComparison.Ordinal))
        {
            fault = "Events that begin with 'phx_' belong to the protocol.";
        }
        else
        {
            var payload = json.TryGetProperty("payload", out var given) ? given.GetRawText() : "{}";
            message = new PubSubMessage(topic, name, System.Text.Encoding.UTF8.GetBytes(payload));
        }

        return message is not null;
    }

    private static bool TryName(JsonElement json, string property, out string value)
    {
        value = json.TryGetProperty(property, out var given) && given.ValueKind == JsonValueKind.String
            ? given.GetString()!
            : "";
        return value.Length > 0;
    }
}
