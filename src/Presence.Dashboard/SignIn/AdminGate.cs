using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http;

namespace Presence.Dashboard;

/// <summary>Lets admins through to an endpoint and explains to everybody else what is missing.</summary>
internal sealed class AdminGate(
    AdminCredentials credentials,
    PresenceAdminTokens tokens,
    AttemptLimiter limiter,
    AdminInstruments instruments,
    bool allowToken = true) : IEndpointFilter
{
    private const string BasicChallenge = "Basic realm=\"Presence\", charset=\"UTF-8\"";

    // Beyond any sensible name and password; a longer header is not worth decoding.
    private const int LongestHeader = 8192;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>The same gate for an endpoint that hands out tokens: a token must not renew itself for ever.</summary>
    public AdminGate PasswordOnly() => new(credentials, tokens, limiter, instruments, allowToken: false);

    public ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        context.HttpContext.Response.Headers.CacheControl = "no-store";
        Check(context.HttpContext);
        return next(context);
    }

    /// <summary>Whether anybody can be let through at all.</summary>
    public bool IsOpen(HttpContext http) => credentials.Available || IsAuthorizedByHost(http);

    /// <summary>Whether the host's authorization guards the endpoint instead; then whoever comes here has passed it.</summary>
    public static bool IsAuthorizedByHost(HttpContext http) =>
        http.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null;

    /// <summary>Signs in by name and password, as the page does.</summary>
    /// <returns>Null if they are right, else what to say.</returns>
    public string? SignIn(HttpContext http, string user, string password) =>
        FindObstacle(http) is { } obstacle ? obstacle.Message
        : Attempt(http, credentials.Matches(user, password)) ? null
        : "The name or password is wrong.";

    /// <summary>Lets through whoever brings good credentials.</summary>
    /// <exception cref="AdminProblem">What is missing or wrong.</exception>
    public void Check(HttpContext http)
    {
        if (IsAuthorizedByHost(http))
        {
            return;
        }

        if (FindObstacle(http) is { } obstacle)
        {
            throw obstacle;
        }

        var header = http.Request.Headers.Authorization.ToString();
        if (header.Length == 0)
        {
            // Not an attempt: a browser asks once without, to learn how to sign in.
            throw Challenge(http, "Sign in with HTTP Basic, or with a token from POST /admin/token.");
        }

        if (!Attempt(http, IsAdmin(header)))
        {
            throw Challenge(http, allowToken
                ? "The name, password or token is wrong, or the token has expired."
                : "The name or password is wrong; a token is not accepted here.");
        }
    }

    /// <summary>Returns why nobody can sign in now, or nobody from there; else null.</summary>
    private AdminProblem? FindObstacle(HttpContext http)
    {
        if (!credentials.Available)
        {
            instruments.Count("closed");
            return AdminProblem.NoPassword();
        }

        if (limiter.MustWait(http.Connection.RemoteIpAddress) is not { } wait)
        {
            return null;
        }

        instruments.Count("limited");
        var seconds = (int)Math.Ceiling(wait.TotalSeconds);
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return AdminProblem.TooManyAttempts(seconds);
    }

    private bool Attempt(HttpContext http, bool isRight)
    {
        var address = http.Connection.RemoteIpAddress;
        if (isRight)
        {
            limiter.Succeeded(address);
        }
        else
        {
            limiter.Failed(address);
        }

        instruments.Count(isRight ? "accepted" : "refused");
        return isRight;
    }

    private bool IsAdmin(string header)
    {
        if (header.Length > LongestHeader)
        {
            return false;
        }

        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
        {
            return allowToken && tokens.IsValid(header["Bearer ".Length..].Trim());
        }

        return header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase)
            && TryDecode(header["Basic ".Length..].Trim(), out var user, out var password)
            && credentials.Matches(user, password);
    }

    private static bool TryDecode(string base64, out string user, out string password)
    {
        user = password = "";
        var bytes = new byte[base64.Length];
        if (!Convert.TryFromBase64String(base64, bytes, out var written))
        {
            return false;
        }

        try
        {
            var pair = StrictUtf8.GetString(bytes, 0, written);
            var colon = pair.IndexOf(':', StringComparison.Ordinal);
            if (colon < 0)
            {
                return false;
            }

            (user, password) = (pair[..colon], pair[(colon + 1)..]);
            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }

    private static AdminProblem Challenge(HttpContext http, string detail)
    {
        http.Response.Headers.WWWAuthenticate = BasicChallenge;
        return AdminProblem.NotSignedIn(detail);
    }
}
