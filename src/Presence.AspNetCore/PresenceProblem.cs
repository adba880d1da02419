using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Presence.Node;
using Presence.Tracker;

namespace Presence.AspNetCore;

/// <summary>Errors as RFC 9457 problem details.</summary>
internal static class PresenceProblem
{
    /// <summary>Seconds after which a caller should retry what was rejected for lack of room.</summary>
    private const string RetryAfter = "1";

    public static IResult BadRequest(string detail) => Of(StatusCodes.Status400BadRequest, "Bad request", detail);

    public static IResult NotFound(string detail) => Of(StatusCodes.Status404NotFound, "Not found", detail);

    public static IResult Forbidden() => Of(
        StatusCodes.Status403Forbidden, "Forbidden", "The presence authorizer does not allow this to the caller.");

    public static IResult NotJson(string detail) =>
        Of(StatusCodes.Status415UnsupportedMediaType, "Unsupported media type", detail);

    public static IResult NotSupported(string detail) =>
        Of(StatusCodes.Status501NotImplemented, "Not implemented", detail);

    public static IResult TooLarge(string detail) =>
        Of(StatusCodes.Status413PayloadTooLarge, "Too large", detail);

    /// <summary>Answers with a problem what the endpoint throws.</summary>
    public static async ValueTask<object?> CatchAsync(
        EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (BadHttpRequestException e)
        {
            var isTooLarge = e.StatusCode == StatusCodes.Status413PayloadTooLarge;
            return Of(e.StatusCode, isTooLarge ? "Too large" : "Bad request", e.Message);
        }
        catch (PresenceLimitException e) when (e.What == "metadata" && e.Size > 0)
        {
            return TooLarge(e.Message);
        }
        catch (ArgumentException e)
        {
            return BadRequest(e.Message);
        }
        catch (CountsOnlyTopicException e)
        {
            return Of(StatusCodes.Status409Conflict, "Counts-only topic", e.Message);
        }
        catch (UnauthorizedAccessException)
        {
            return Forbidden();
        }
        catch (Exception e) when (e is PresenceOverloadException or TimeoutException or ObjectDisposedException)
        {
            context.HttpContext.Response.Headers.RetryAfter = RetryAfter;
            return Of(StatusCodes.Status503ServiceUnavailable, "Not available", e.Message);
        }
    }

    private static ProblemHttpResult Of(int status, string title, string detail) =>
        TypedResults.Problem(statusCode: status, title: title, detail: detail);
}
