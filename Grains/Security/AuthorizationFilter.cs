using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Runtime;
using Presence.Node;
using Presence.Node.Leases;
using Presence.Tracker;

namespace Presence.Grains.Security;

/// <summary>
/// Calls the <see cref="IPresenceAuthorizer"/>, if there is one, before each call of the public grains, and records
/// evictions, hand-overs and rejections.
/// </summary>
internal sealed class AuthorizationFilter(IServiceProvider services, CallInstruments instruments, CallAudit audit)
    : IIncomingGrainCallFilter
{
    private readonly Lazy<IPresenceAuthorizer?> _authorizer = new(services.GetService<IPresenceAuthorizer>);

    public Task Invoke(IIncomingGrainCallContext context) =>
        (_authorizer.Value is not null || CallAudit.Covers(context)) && AccessOf(context) is { } access
            ? InvokeIfAllowedAsync(access, context)
            : context.Invoke();

    private async Task InvokeIfAllowedAsync(PresenceAccess access, IIncomingGrainCallContext context)
    {
        var all = context.MethodName == nameof(ITopicPresenceGrain.TrackMany)
            && First(context) is IReadOnlyList<TrackRequest> requests
            ? requests.Select(r => new PresenceAccess(PresenceOperation.Track, r.Topic, r.Key))
            : [access];
        foreach (var each in all)
        {
            if (_authorizer.Value is { } authorizer && !await authorizer.IsAllowedAsync(each))
            {
                instruments.Rejected(CallRejection.Unauthorized);
                audit.Rejected(context, each);
                throw new UnauthorizedAccessException($"{each.Operation} is not allowed to this caller.");
            }
        }

        if (!CallAudit.Covers(context))
        {
            await context.Invoke();
            return;
        }

        try
        {
            await context.Invoke();
            audit.Done(context, access, context.Result);
        }
        catch (Exception e)
        {
            audit.Failed(context, access, e);
            throw;
        }
    }

    private static PresenceAccess? AccessOf(IIncomingGrainCallContext context)
    {
        var method = context.InterfaceMethod;
        var target = context.TargetId.Key.ToString();
        return method?.DeclaringType switch
        {
            { } type when type == typeof(ITopicPresenceGrain) => TopicAccess(method.Name, target, context),
            { } type when type == typeof(IPresenceSiloGrain) => SiloAccess(method.Name),
            { } type when type == typeof(IKeyPresenceGrain) => KeyAccess(method.Name, target),
            { } type when type == typeof(IUniqueProcessGrain) => new PresenceAccess(
                method.Name == nameof(IUniqueProcessGrain.HandOver)
                    ? PresenceOperation.HandOver : PresenceOperation.ReadProcess,
                null,
                target),
            { } type when type == typeof(IUniqueDirectoryGrain) => new PresenceAccess(
                PresenceOperation.ReadProcess, null, First(context) as string),
            _ => DiffSubscriptions.SubscribedTopic(context) is { } topic
                ? new PresenceAccess(PresenceOperation.Subscribe, topic, null)
                : null,
        };
    }

    private static PresenceAccess TopicAccess(string method, string? topic, IIncomingGrainCallContext context) =>
        method switch
        {
            nameof(ITopicPresenceGrain.Track) => new(PresenceOperation.Track, topic, First(context) as string),
            nameof(ITopicPresenceGrain.TrackMany) => new(PresenceOperation.Track, null, null),
            nameof(ITopicPresenceGrain.Resume) => new(PresenceOperation.Track, topic, KeyOf(context)),
            nameof(ITopicPresenceGrain.Update) => new(PresenceOperation.Update, topic, KeyOf(context)),
            nameof(ITopicPresenceGrain.Untrack) => new(PresenceOperation.Untrack, topic, KeyOf(context)),
            nameof(ITopicPresenceGrain.EndLeases) => new(PresenceOperation.Renew, null, null),
            nameof(ITopicPresenceGrain.GetByKey) => new(PresenceOperation.Read, topic, First(context) as string),
            nameof(ITopicPresenceGrain.TopicsOf) => new(PresenceOperation.Read, null, First(context) as string),
            nameof(ITopicPresenceGrain.Evict) => new(PresenceOperation.Evict, topic, First(context) as string),
            nameof(ITopicPresenceGrain.EvictKey) => new(PresenceOperation.Evict, null, First(context) as string),
            nameof(ITopicPresenceGrain.Send) => new(PresenceOperation.Send, topic, First(context) as string),
            nameof(ITopicPresenceGrain.SendToKey) => new(PresenceOperation.Send, null, First(context) as string),
            nameof(ITopicPresenceGrain.Freshness) or nameof(ITopicPresenceGrain.List)
                or nameof(ITopicPresenceGrain.Page) or nameof(ITopicPresenceGrain.Count)
                or nameof(ITopicPresenceGrain.KeyCount)
                or nameof(ITopicPresenceGrain.GetSnapshot) => new(PresenceOperation.Read, topic, null),
            _ => new(PresenceOperation.Subscribe, topic, null),
        };

    private static PresenceAccess KeyAccess(string method, string? target)
    {
        _ = LeaseId.TryParse(target ?? "", out var id);
        return new PresenceAccess(
            method == nameof(IKeyPresenceGrain.Put) ? PresenceOperation.Track : PresenceOperation.Untrack,
            id.Topic,
            id.Key);
    }

    private static PresenceAccess SiloAccess(string method) => new(
        method == nameof(IPresenceSiloGrain.GetPage) ? PresenceOperation.Read : PresenceOperation.Renew, null, null);

    private static string? KeyOf(IIncomingGrainCallContext context) => (First(context) as PresenceHandle)?.Key;

    private static object? First(IIncomingGrainCallContext context) =>
        context.Request.GetArgumentCount() > 0 ? context.Request.GetArgument(0) : null;
}
