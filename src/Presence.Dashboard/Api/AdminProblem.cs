using Microsoft.AspNetCore.Http;
using Presence.Tracker;

namespace Presence.Dashboard.Api;

/// <summary>Errors of the admin endpoints as RFC 9457 problem details; returned or thrown.</summary>
internal sealed class AdminProblem : Exception, IResult
{
    private readonly int _status;
    private readonly string _title;

    private AdminProblem(int status, string title, string detail) : base(detail) => (_status, _title) = (status, title);

    public static AdminProblem NoPassword() => new(
        StatusCodes.Status503ServiceUnavailable,
        "The admin endpoints are off",
        "No admin password is configured. Set Presence:Admin:Password (the same on all nodes) and start again.");

    public static AdminProblem NotBuilt() => new(
        StatusCodes.Status503ServiceUnavailable,
        "The dashboard is not built",
        "Node.js and npm were missing when Presence.Dashboard was built. Install Node.js 20 or later and build again.");

    public static AdminProblem NotSignedIn(string detail) =>
        new(StatusCodes.Status401Unauthorized, "Not signed in", detail);

    public static AdminProblem TooManyAttempts(int seconds) => new(
        StatusCodes.Status429TooManyRequests,
        "Too many failed attempts",
        $"Too many wrong passwords or tokens came from this address. Try again in {seconds} s.");

    public static AdminProblem BadRequest(string detail) => new(StatusCodes.Status400BadRequest, "Bad request", detail);
    public static AdminProblem NotFound(string detail) => new(StatusCodes.Status404NotFound, "Not found", detail);

    public static AdminProblem Forbidden(string detail) => new(StatusCodes.Status403Forbidden, "Forbidden", detail);

    public static AdminProblem CountsOnly(string detail) =>
        new(StatusCodes.Status409Conflict, "Counts-only topic", detail);

    public static AdminProblem Timeout(string detail) =>
        new(StatusCodes.Status504GatewayTimeout, "A node did not answer", detail);

    public static AdminProblem TooLarge(string detail) =>
        new(StatusCodes.Status413PayloadTooLarge, "Too large", detail);

    public static AdminProblem NotJson() => new(
        StatusCodes.Status415UnsupportedMediaType,
        "Unsupported media type",
        "Send the body as Content-Type: application/json.");

    /// <summary>Answers with the problem that the endpoint throws.</summary>
    public static async ValueTask<object?> CatchAsync(
        EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        try
        {
            return await next(context);
        }
        catch (AdminProblem problem)
        {
            return problem;
        }
        catch (CountsOnlyTopicException e)
        {
            return CountsOnly(e.Message);
        }
    }

    public Task ExecuteAsync(HttpContext httpContext) =>
        Results.Problem(statusCode: _status, title: _title, detail: Message).ExecuteAsync(httpContext);
}
