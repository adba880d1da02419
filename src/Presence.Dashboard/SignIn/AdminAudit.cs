using System.Globalization;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;

namespace Presence.Dashboard.SignIn;

/// <summary>
/// The log category <c>Presence.Audit</c>: who did what, and from where. Rejections, which anybody can cause, have at
/// most ten lines a minute.
/// </summary>
internal sealed partial class AdminAudit(ILoggerFactory logs, TimeProvider time)
{
    public const string Category = "Presence.Audit";

    private const int MaxText = 64;

    private readonly ILogger _log = logs.CreateLogger(Category);
    private readonly RateLimitedLogger _rate = new(time, burst: 10);

    /// <summary>Records a sign-in.</summary>
    public void SignedIn(HttpContext http, string user) => LogSignedIn(Short(user), From(http), Path(http));

    /// <summary>Records requests with the password, which scripts send with each request.</summary>
    public void Used(HttpContext http, string user)
    {
        if (_rate.IsDue("used", out var count))
        {
            LogUsed(Short(user), From(http), Path(http), count);
        }
    }

    public void Rejected(HttpContext http, string user, string reason)
    {
        if (_rate.IsDue("rejected:" + reason, out var count))
        {
            LogRejected(Short(user), From(http), Path(http), reason, count);
        }
    }

    public void Broadcast(HttpContext http, string user, string topic, string name, int bytes) =>
        LogBroadcast(Short(user), From(http), LogText.Escape(topic), LogText.Escape(name), bytes);

    /// <summary>Records an action: a verb and its objects.</summary>
    public void Acted(HttpContext http, string user, string what) =>
        LogActed(Short(user), From(http), LogText.Escape(what));

    private static string Short(string user) => LogText.Escape(user.Length > MaxText ? user[..MaxText] : user);

    private static string Path(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "";
        return LogText.Escape(path.Length > MaxText ? path[..MaxText] : path);
    }

    private static string From(HttpContext http) => string.Create(
        CultureInfo.InvariantCulture, $"{http.Connection.RemoteIpAddress}");

    [LoggerMessage(LogLevel.Information, "Admin {User} signed in from {Address} at {Path}")]
    private partial void LogSignedIn(string user, string address, string path);

    [LoggerMessage(LogLevel.Information,
        "Admin {User} used {Path} from {Address} with the password ({Count} occurrences since last log)")]
    private partial void LogUsed(string user, string address, string path, long count);

    [LoggerMessage(LogLevel.Information, "Admin {User} from {Address}: {What}")]
    private partial void LogActed(string user, string address, string what);

    [LoggerMessage(LogLevel.Warning,
        "Sign-in as {User} from {Address} at {Path} rejected: {Reason} ({Count} occurrences since last log)")]
    private partial void LogRejected(string user, string address, string path, string reason, long count);

    [LoggerMessage(LogLevel.Information,
        "Admin {User} broadcast {Event} to {Topic} from {Address} ({Bytes} bytes)")]
    private partial void LogBroadcast(string user, string address, string topic, string @event, int bytes);
}
