using Microsoft.AspNetCore.Http;

namespace Presence.Dashboard;

/// <summary>The refusals of the admin endpoints, as RFC 9457 problem details.</summary>
internal static class AdminProblems
{
    public static IResult NoPassword() => Problem(
        StatusCodes.Status503ServiceUnavailable,
        "The admin endpoints are off",
        "No admin password is configured. Set Presence:Admin:Password (the same on all members) and start again.");

    public static IResult NotBuilt() => Problem(
        StatusCodes.Status503ServiceUnavailable,
        "The dashboard is not built",
        "Its pages were not built into Presence.Dashboard, because Node.js and npm were missing. Install Node.js 20 or "
            + "later and build again.");

    public static IResult NotSignedIn(string detail) =>
        Problem(StatusCodes.Status401Unauthorized, "Not signed in", detail);

    public static IResult TooManyAttempts(int seconds) => Problem(
        StatusCodes.Status429TooManyRequests,
        "Too many failed attempts",
        $"Too many wrong passwords or tokens came from this address. Try again in {seconds} s.");

    public static IResult BadRequest(string detail) =>
        Problem(StatusCodes.Status400BadRequest, "Bad request", detail);

    public static IResult NotFound(string detail) => Problem(StatusCodes.Status404NotFound, "Not found", detail);

    public static IResult TooLarge(string detail) =>
        Problem(StatusCodes.Status413PayloadTooLarge, "Too large", detail);

    public static IResult NotJson() => Problem(
        StatusCodes.Status415UnsupportedMediaType,
        "Unsupported media type",
        "Send the body as Content-Type: application/json.");

    private static IResult Problem(int status, string title, string detail) =>
        Results.Problem(statusCode: status, title: title, detail: detail);
}
