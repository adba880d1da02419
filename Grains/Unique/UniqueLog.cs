using Microsoft.Extensions.Logging;

namespace Presence.Grains.Unique;

internal static partial class UniqueLog
{
    [LoggerMessage(Level = LogLevel.Warning, Message = "Reporting to the election of {Name} failed; retrying silently")]
    public static partial void ReportFailed(this ILogger log, string name, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Election of {Name} failed; calling the lease store directly")]
    public static partial void ElectionBypassed(this ILogger log, string name, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "This silo now runs the election of unique process {Name}")]
    public static partial void ElectionStarted(this ILogger log, string name);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Unique process {Name} ran on two nodes; the older one stays")]
    public static partial void Conflict(this ILogger log, string name);
}
