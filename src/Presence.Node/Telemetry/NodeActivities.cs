using System.Diagnostics;

namespace Presence.Node.Telemetry;

/// <summary>The spans of a node. Without a listener nothing is created. No topic, key or user is ever a tag.</summary>
internal static class NodeActivities
{
    public const string Track = "presence.track";
    public const string Replicate = "presence.replicate";
    public const string Merge = "presence.merge";
    public const string Publish = "presence.publish";
    public const string Deliver = "presence.deliver";

    private static readonly ActivitySource Source = new(PresenceTelemetry.ActivitySourceName);

    /// <summary>Gets whether anybody listens.</summary>
    public static bool HasListeners => Source.HasListeners();

    /// <summary>Gets what later work on another thread is caused by; null without a listener.</summary>
    public static Activity? Cause => Source.HasListeners() ? Activity.Current : null;

    /// <summary>Starts a span below the current one; null without a listener.</summary>
    public static Activity? Start(string name) => Source.StartActivity(name);

    /// <summary>Starts a span below what caused it; null without a listener.</summary>
    public static Activity? Start(string name, Activity? cause) =>
        Source.StartActivity(name, ActivityKind.Internal, cause?.Context ?? default);

    /// <summary>Starts the span of sending a delta, below its first traced change; null if there is none.</summary>
    public static Activity? StartReplicate(Activity? change) => change is null ? null : Start(Replicate, change);

    /// <summary>
    /// Starts the span of applying a frame, below the span of another node that sent it; without that, below the
    /// current one.
    /// </summary>
    public static Activity? StartMerge(string? traceParent) => !Source.HasListeners() ? null
        : ActivityContext.TryParse(traceParent, null, isRemote: true, out var sender)
            ? Source.StartActivity(Merge, ActivityKind.Internal, sender)
            : Source.StartActivity(Merge);

    /// <summary>Links the merge that runs to another frame that it applies.</summary>
    public static void LinkMerge(string? traceParent)
    {
        if (traceParent is not null
            && Activity.Current is { OperationName: Merge } merge
            && ActivityContext.TryParse(traceParent, null, isRemote: true, out var sender))
        {
            merge.AddLink(new ActivityLink(sender));
        }
    }

    /// <summary>Makes the cause current on a thread that runs the work of others, until the disposal.</summary>
    public static Scope Continue(Activity? cause)
    {
        if (!Source.HasListeners())
        {
            return default;
        }

        var scope = new Scope(Activity.Current);
        Activity.Current = null;
        if (cause is { IsStopped: false })
        {
            Activity.Current = cause;
        }

        return scope;
    }

    /// <summary>Restores the activity of the thread.</summary>
    public readonly struct Scope(Activity? previous) : IDisposable
    {
        private readonly bool _isChanged = true;

        public void Dispose()
        {
            if (_isChanged)
            {
                Activity.Current = previous;
            }
        }
    }
}
