using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Runtime;
using Presence.Node.Hosting;

namespace Presence.Grains.Security;

/// <summary>
/// Lets only silos of the cluster call the grains by which they replicate: signs such calls of this silo, and rejects
/// received ones without a valid authenticator. Does nothing without a <c>Presence:Orleans:ClusterKey</c>.
/// </summary>
/// <remarks>
/// Decides by the type of the target grain, so that it also covers Orleans' extensions of these grains, such as stream
/// delivery. The source of a call proves nothing: a gateway does not verify what a client claims to be. Of the grains
/// that have the subscriptions of topics' streams, clients may call what consumers call.
/// </remarks>
internal sealed partial class ClusterCallFilter : IOutgoingGrainCallFilter, IIncomingGrainCallFilter
{
    public const string ContextKey = "presence.authenticator";

    private static readonly HashSet<GrainType> Guarded =
    [
        PinnedSiloGrain.Type,
        GrainType.Create("presence-shard"),
        GrainType.Create("presence-unique-process"),
        GrainType.Create("presence-handle-diff"),
        GrainType.Create("presence-key-lease"),
    ];

    private readonly CallAuthenticator? _authenticator;
    private readonly CallInstruments _instruments;
    private readonly RateLimitedLogger _rateLimitedLog;
    private readonly ILogger _log;

    public ClusterCallFilter(
        IOptions<PresenceOrleansOptions> options,
        ILocalSiloDetails silo,
        TimeProvider time,
        CallInstruments instruments,
        ILogger<ClusterCallFilter> log)
    {
        if (options.Value.ClusterKey is { } text && ClusterKey.Parse(text) is { } key)
        {
            _authenticator = new CallAuthenticator(key, silo.SiloAddress.ToParsableString(), time);
        }

        (_instruments, _log, _rateLimitedLog) = (instruments, log, new RateLimitedLogger(time));
    }

    public Task Invoke(IOutgoingGrainCallContext context) =>
        _authenticator is { } authenticator && IsGuarded(context)
            ? SignAsync(authenticator, context)
            : context.Invoke();

    public Task Invoke(IIncomingGrainCallContext context) =>
        _authenticator is { } authenticator && IsGuarded(context) && !IsTimer(context)
            ? CheckAsync(authenticator, context)
            : context.Invoke();

    // With the ids of subscriptions, which producers get, anybody could send events to the subscribers.
    private static bool IsGuarded(IGrainCallContext context) => Guarded.Contains(context.TargetId.Type)
        || (DiffSubscriptions.IsOne(context.TargetId) && !DiffSubscriptions.IsOfConsumers(context.MethodName));

    /// <summary>Returns whether a call is the tick of a timer, which is created on the grain and never sent.</summary>
    private static bool IsTimer(IIncomingGrainCallContext context) =>
        context.InterfaceMethod?.DeclaringType is { IsPublic: false, FullName: "Orleans.Runtime.IGrainTimerInvoker" };

    // Asynchronous, so that the context does not flow back to the caller.
    private static async Task SignAsync(CallAuthenticator authenticator, IOutgoingGrainCallContext context)
    {
        RequestContext.Set(ContextKey, authenticator.Sign(new CallContent(context.TargetId, context.Request)));
        await context.Invoke();
    }

    private async Task CheckAsync(CallAuthenticator authenticator, IIncomingGrainCallContext context)
    {
        var signed = RequestContext.Get(ContextKey) as byte[];
        var rejection = authenticator.Check(signed, new CallContent(context.TargetId, context.Request));
        if (rejection != CallRejection.None)
        {
            _instruments.Rejected(rejection);
            if (_rateLimitedLog.IsDue(rejection.ToString(), out var count))
            {
                LogRejected(_log, context.InterfaceName, context.MethodName, rejection, count);
            }

            throw new UnauthorizedAccessException(
                $"{context.InterfaceName}.{context.MethodName} accepts calls from silos of the cluster only"
                + $" ({rejection}; Presence:Orleans:ClusterKey).");
        }

        // Calls that the grain makes, perhaps to clients, do not carry it on.
        RequestContext.Remove(ContextKey);
        await context.Invoke();
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Call of {Interface}.{Method} rejected: {Reason} ({Count} occurrences since last log).")]
    private static partial void LogRejected(
        ILogger logger, string @interface, string method, CallRejection reason, long count);
}
