using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Runtime;
using Presence.Node;
using Presence.Node.Hosting;

namespace Presence.Grains.Security;

/// <summary>
/// The log category <c>Presence.Audit</c>: which caller of a grain evicted presences or moved a unique process, and
/// whom the <see cref="IPresenceAuthorizer"/> rejected. At most ten lines a minute and kind, because callers can cause
/// any number.
/// </summary>
/// <remarks>Orleans does not verify the ids of clients, and does not expose their addresses.</remarks>
internal sealed partial class CallAudit(ILoggerFactory logs, TimeProvider time)
{
    public const string Category = "Presence.Audit";

    private const int MaxText = 64;

    private readonly ILogger _log = logs.CreateLogger(Category);
    private readonly RateLimitedLogger _rate = new(time, burst: 10);

    /// <summary>Returns whether calls of a method are recorded.</summary>
    public static bool Covers(IIncomingGrainCallContext context) => context.InterfaceMethod is { } method
        && ((method.DeclaringType == typeof(ITopicPresenceGrain)
                && method.Name is nameof(ITopicPresenceGrain.Evict) or nameof(ITopicPresenceGrain.EvictKey))
            || (method.DeclaringType == typeof(IUniqueProcessGrain)
                && method.Name == nameof(IUniqueProcessGrain.HandOver)));

    /// <summary>Records what a call did: the number of evicted presences, or whether the process moves.</summary>
    public void Done(IIncomingGrainCallContext context, PresenceAccess access, object? result)
    {
        if (_rate.IsDue(access.Operation.ToString(), out var count))
        {
            LogDone(CallerOf(context), access.Operation, Short(access.Key), Short(access.Topic), $"{result}", count);
        }
    }

    public void Failed(IIncomingGrainCallContext context, PresenceAccess access, Exception error)
    {
        if (_rate.IsDue("failed:" + access.Operation, out var count))
        {
            var type = error.GetType().Name;
            LogFailed(CallerOf(context), access.Operation, Short(access.Key), Short(access.Topic), type, count);
        }
    }

    public void Rejected(IIncomingGrainCallContext context, PresenceAccess access)
    {
        if (_rate.IsDue("rejected:" + access.Operation, out var count))
        {
            LogRejected(CallerOf(context), access.Operation, Short(access.Key), Short(access.Topic), count);
        }
    }

    private static string CallerOf(IIncomingGrainCallContext context) => Short(context.SourceId?.ToString());

    private static string Short(string? text) =>
        text is null ? "-" : LogText.Escape(text.Length > MaxText ? text[..MaxText] : text);

    [LoggerMessage(LogLevel.Information,
        "{Caller}: {Operation} of {Key}, topic {Topic}: {Result} ({Count} occurrences since last log)")]
    private partial void LogDone(
        string caller, PresenceOperation operation, string key, string topic, string result, long count);

    [LoggerMessage(LogLevel.Warning,
        "{Caller}: {Operation} of {Key}, topic {Topic} failed: {Error} ({Count} occurrences since last log)")]
    private partial void LogFailed(
        string caller, PresenceOperation operation, string key, string topic, string error, long count);

    [LoggerMessage(LogLevel.Warning,
        "{Caller}: {Operation} of {Key}, topic {Topic} rejected ({Count} occurrences since last log)")]
    private partial void LogRejected(
        string caller, PresenceOperation operation, string key, string topic, long count);
}
