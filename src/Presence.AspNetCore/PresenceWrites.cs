using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Presence.Node;
using Presence.Node.Leases;
using Presence.Tracker;

namespace Presence.AspNetCore;

/// <summary>The endpoints that make a key present for a while.</summary>
internal sealed class PresenceWrites(PresenceEndpointOptions options)
{
    /// <summary>Maximum size of a body; that of metadata is a limit of the node, which is usually smaller.</summary>
    private const int MaxBody = 1024 * 1024;

    private const int MaxHolder = 100;

    public async Task<IResult> PutAsync(
        string topic,
        string key,
        [FromQuery] string[] seconds,
        [FromQuery] string[] holder,
        HttpContext http,
        PresenceRequest presence,
        CancellationToken cancellation)
    {
        (topic, key) = (PresenceRequest.Unescape(topic), PresenceRequest.Unescape(key));
        await presence.RequireAsync(PresenceOperation.Track, topic, key);
        if (!TryReadDuration(seconds, out var duration))
        {
            var max = options.MaxLeaseDuration.TotalSeconds.ToString(CultureInfo.InvariantCulture);
            return PresenceProblem.BadRequest($"seconds must be one whole number from 1 to {max}.");
        }

        if (!TryReadHolder(holder, out var name))
        {
            return PresenceProblem.BadRequest($"holder must be one text of at most {MaxHolder} characters.");
        }

        var (meta, problem) = await ReadMetaAsync(http.Request, cancellation);
        if (problem is not null)
        {
            return problem;
        }

        var lease = await presence.Leases.PutAsync(new LeaseId(topic, key, name), meta, duration, cancellation);
        return TypedResults.Json(
            new LeaseBody(topic, key, lease.Ref, duration.TotalSeconds),
            PresenceJson.Default.LeaseBody,
            statusCode: lease.IsNew ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    public static async Task<IResult> DeleteAsync(
        string topic,
        string key,
        [FromQuery] string[] holder,
        PresenceRequest presence,
        CancellationToken cancellation)
    {
        (topic, key) = (PresenceRequest.Unescape(topic), PresenceRequest.Unescape(key));
        await presence.RequireAsync(PresenceOperation.Untrack, topic, key);
        if (!TryReadHolder(holder, out var name))
        {
            return PresenceProblem.BadRequest($"holder must be one text of at most {MaxHolder} characters.");
        }

        return await presence.Leases.EndAsync(new LeaseId(topic, key, name), cancellation)
            ? TypedResults.NoContent()
            : PresenceProblem.NotFound($"No lease keeps '{key}' in topic '{topic}'.");
    }

    private static async Task<(PresenceMeta Meta, IResult? Problem)> ReadMetaAsync(
        HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > MaxBody)
        {
            return (default, PresenceProblem.TooLarge($"The body is larger than {MaxBody} bytes."));
        }

        var body = new MemoryStream();
        var buffer = new byte[4096];
        int count;
        while ((count = await request.Body.ReadAsync(buffer, cancellation)) > 0)
        {
            body.Write(buffer, 0, count);
            if (body.Length > MaxBody)
            {
                return (default, PresenceProblem.TooLarge($"The body is larger than {MaxBody} bytes."));
            }
        }

        return body.Length == 0 ? (PresenceMeta.Empty, null)
            : !request.HasJsonContentType() ? (default, PresenceProblem.NotJson(
                "Send the metadata as Content-Type: application/json, or no body."))
            : (PresenceMeta.Parse(body.GetBuffer().AsSpan(0, (int)body.Length)), null);
    }

    private bool TryReadDuration(string[] given, out TimeSpan duration)
    {
        duration = options.LeaseDuration;
        if (given.Length == 0)
        {
            return true;
        }

        var isNumber = int.TryParse(
            given is [var text] ? text : null, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds);
        duration = TimeSpan.FromSeconds(seconds);
        return isNumber && seconds >= 1 && duration <= options.MaxLeaseDuration;
    }

    private static bool TryReadHolder(string[] given, out string holder)
    {
        holder = given is [{ } text] ? text : "";
        return given.Length <= 1 && holder.Length <= MaxHolder;
    }
}
