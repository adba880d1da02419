namespace Presence.Node.Telemetry;

/// <summary>
/// Remembers the last consumers of this process that did not keep up, for operators. What they are called is no tag of
/// a meter: clients choose it, and there may be any number of them.
/// </summary>
internal sealed class SlowConsumers(TimeProvider time)
{
    /// <summary>Maximum number of consumers; beyond it, the one that was slow the longest ago is forgotten.</summary>
    public const int MaxRemembered = 100;

    private const int MaxText = 200;

    private readonly Lock _gate = new();
    private readonly Dictionary<(SlowConsumerKind Kind, string Name), SlowConsumer> _consumers = [];

    /// <summary>Records that a consumer did not keep up.</summary>
    /// <param name="kind">What it is.</param>
    /// <param name="name">Which one; the same name counts as the same consumer.</param>
    /// <param name="detail">What was done about it.</param>
    public void Report(SlowConsumerKind kind, string name, string detail)
    {
        name = Shortened(name);
        var at = time.GetUtcNow().ToUnixTimeMilliseconds();
        lock (_gate)
        {
            var times = _consumers.TryGetValue((kind, name), out var before) ? before.Times + 1 : 1;
            if (before is null && _consumers.Count == MaxRemembered)
            {
                _consumers.Remove(_consumers.MinBy(pair => pair.Value.At).Key);
            }

            _consumers[(kind, name)] = new(kind, name, Shortened(detail), at, times);
        }
    }

    /// <summary>Returns those that were slow last, the newest first.</summary>
    public IReadOnlyList<SlowConsumer> Last(int limit)
    {
        lock (_gate)
        {
            return [.. _consumers.Values.OrderByDescending(one => one.At).Take(limit)];
        }
    }

    private static string Shortened(string text) => text.Length <= MaxText ? text : text[..MaxText];
}

/// <summary>What did not keep up.</summary>
internal enum SlowConsumerKind
{
    /// <summary>A channel client: its connection is cut off.</summary>
    Socket,

    /// <summary>A handler of a tracker: it gets the net effect of what it has missed.</summary>
    Handler,

    /// <summary>The subscribers of a topic on this node: they get the net effect of what they have missed.</summary>
    Subscriber,

    /// <summary>A reader of server-sent events or of a hub's stream: it gets a new state.</summary>
    Reader,
}

/// <summary>A consumer that did not keep up.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">Which one: user or address, type or topic.</param>
/// <param name="Detail">What was done about it the last time.</param>
/// <param name="At">When it was the last time, in Unix milliseconds.</param>
/// <param name="Times">How often since it was first remembered.</param>
internal sealed record SlowConsumer(SlowConsumerKind Kind, string Name, string Detail, long At, long Times);
