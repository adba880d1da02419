using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Presence.Dashboard.Api;

namespace Presence.Dashboard.SignIn;

/// <summary>Authenticates admins, explains rejections and records both.</summary>
internal sealed class AdminAuthentication(
    AdminCredentials credentials,
    PresenceDashboardTokens tokens,
    LoginRateLimiter limiter,
    AdminInstruments instruments,
    AdminAudit audit,
    TimeProvider time,
    bool allowToken = true) : IEndpointFilter
{
    private const string BasicChallenge = "Basic realm=\"Presence\", charset=\"UTF-8\"";

    // Longer headers are not decoded.
    private const int MaxHeaderLength = 8192;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Returns a filter without tokens for endpoints that issue them: a token must not renew itself.</summary>
    public AdminAuthentication PasswordOnly() =>
        new(credentials, tokens, limiter, instruments, audit, time, allowToken: false);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        context.HttpContext.Response.Headers.CacheControl = "no-store";
        await CheckAsync(context.HttpContext);
        return await next(context);
    }

    /// <summary>
    /// Lets an endpoint of any kind serve authenticated admins only; filters reach route handlers alone.
    /// </summary>
    public void Protect(EndpointBuilder endpoint)
    {
        var serve = endpoint.RequestDelegate;
        endpoint.RequestDelegate = async http =>
        {
            try
            {
                http.Response.Headers.CacheControl = "no-store";
                await CheckAsync(http);
            }
            catch (AdminProblem problem)
            {
                await problem.ExecuteAsync(http);
                return;
            }

            await serve!(http);
        };
    }

    /// <summary>Returns whether sign-ins are possible.</summary>
    public bool IsOpen(HttpContext http) => credentials.Available || IsAuthorizedByHost(http);

    /// <summary>Returns whether the authorization of the host has already admitted the request.</summary>
    public static bool IsAuthorizedByHost(HttpContext http) =>
        http.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<IAllowAnonymous>() is null;

    /// <summary>Returns the admin of a request that has been checked.</summary>
    public string UserOf(HttpContext http) =>
        IsAuthorizedByHost(http) ? http.User.Identity?.Name ?? "(host)" : credentials.User;

    /// <summary>Signs in by name and password.</summary>
    /// <returns>Null if they are right, else the error.</returns>
    public async ValueTask<string?> SignInAsync(HttpContext http, string user, string password)
    {
        if (await FindObstacleAsync(http, user) is { } obstacle)
        {
            return obstacle.Message;
        }

        if (!Attempt(http, credentials.Matches(user, password), user))
        {
            return "The name or password is wrong.";
        }

        audit.SignedIn(http, user);
        return null;
    }

    /// <exception cref="AdminProblem">Credentials are missing or wrong.</exception>
    public async ValueTask CheckAsync(HttpContext http)
    {
        if (IsAuthorizedByHost(http))
        {
            return;
        }

        var header = http.Request.Headers.Authorization.ToString();
        if (header.Length is > 0 and <= MaxHeaderLength && allowToken && credentials.Available && IsToken(header))
        {
            // Nobody guesses a token, so it does not wait.
            instruments.Count("accepted");
            return;
        }

        var isBasic = TryReadBasic(header, out var user, out var password);
        if (header.Length == 0 && credentials.Available)
        {
            // Not an attempt: browsers send the first request without credentials.
            throw Challenge(http, "Sign in with HTTP Basic, or with a token from POST /admin/token.");
        }

        if (await FindObstacleAsync(http, user) is { } obstacle)
        {
            throw obstacle;
        }

        if (!Attempt(http, isBasic && credentials.Matches(user, password), user))
        {
            throw Challenge(http, allowToken
                ? "The name, password or token is wrong, or the token has expired."
                : "The name or password is wrong; a token is not accepted here.");
        }

        if (allowToken)
        {
            audit.Used(http, user);
        }
        else
        {
            audit.SignedIn(http, user);
        }
    }

    /// <summary>Waits for the turn of the attempt.</summary>
    /// <returns>Why no sign-in, or none from this address, is possible now; else null.</returns>
    private async ValueTask<AdminProblem?> FindObstacleAsync(HttpContext http, string user)
    {
        if (!credentials.Available)
        {
            instruments.Count("closed");
            return AdminProblem.NoPassword();
        }

        var wait = limiter.Take(http.Connection.RemoteIpAddress);
        if (wait <= LoginRateLimiter.MaxWait)
        {
            if (wait > TimeSpan.Zero)
            {
                instruments.Count("slowed");
                await Task.Delay(wait, time, http.RequestAborted);
            }

            return null;
        }

        instruments.Count("limited");
        audit.Rejected(http, user, "limited");
        var seconds = (int)Math.Ceiling(wait.TotalSeconds);
        http.Response.Headers.RetryAfter = seconds.ToString(CultureInfo.InvariantCulture);
        return AdminProblem.TooManyAttempts(seconds);
    }

    private bool Attempt(HttpContext http, bool isRight, string user)
    {
        var address = http.Connection.RemoteIpAddress;
        if (isRight)
        {
            limiter.Succeeded(address);
        }
        else
        {
            limiter.Failed(address);
            audit.Rejected(http, user, "wrong");
        }

        instruments.Count(isRight ? "accepted" : "rejected");
        return isRight;
    }

    private bool IsToken(string header) => header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)
        && tokens.IsValid(header["Bearer ".Length..].Trim());

    private static bool TryReadBasic(string header, out string user, out string password)
    {
        user = password = "";
        return header.Length <= MaxHeaderLength && header.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase)
            && TryDecode(header["Basic ".Length..].Trim(), out user, out password);
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
