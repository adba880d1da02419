namespace Presence.Node;

/// <summary>
/// Anything with a lifetime that can own presences: a channel, a grain, a remote client's lease, a hosted job.
/// Ending it ends its presences, in one diff per shard.
/// </summary>
public sealed class PresenceProcess : IDisposable
{
    private readonly Lock _gate = new();
    private Dictionary<object, Action<PresenceProcess>>? _links;

    internal PresenceProcess(ulong id, string? label)
    {
        Id = id;
        Label = label;
    }

    /// <summary>Unique within this member's incarnation.</summary>
    public ulong Id { get; }

    /// <summary>For logs and the dashboard.</summary>
    public string? Label { get; }

    /// <summary>Whether <see cref="End"/> was called.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Ends the process and with it all its presences. Later calls do nothing.</summary>
    public void End()
    {
        Dictionary<object, Action<PresenceProcess>>? links;
        lock (_gate)
        {
            if (IsEnded)
            {
                return;
            }

            IsEnded = true;
            links = _links;
            _links = null;
        }

        foreach (var ended in links?.Values ?? Enumerable.Empty<Action<PresenceProcess>>())
        {
            ended(this);
        }
    }

    /// <summary>The same as <see cref="End"/>.</summary>
    public void Dispose() => End();

    /// <summary>Asks to be told of the end, once per <paramref name="owner"/>.</summary>
    /// <returns>False if the process has already ended: the caller was not linked and acts at once.</returns>
    internal bool Link(object owner, Action<PresenceProcess> ended)
    {
        lock (_gate)
        {
            if (IsEnded)
            {
                return false;
            }

            (_links ??= new(2))[owner] = ended;
            return true;
        }
    }

    /// <summary>Forgets the link of <paramref name="owner"/>.</summary>
    internal void Unlink(object owner)
    {
        lock (_gate)
        {
            _links?.Remove(owner);
        }
    }
}
