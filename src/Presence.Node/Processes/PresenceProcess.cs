namespace Presence.Node;

/// <summary>Hears that a process ended.</summary>
internal interface IProcessLink
{
    void Ended(PresenceProcess process);
}

/// <summary>
/// Anything with a lifetime that can own presences: a channel, a grain, a remote client's lease, a hosted job.
/// Ending it ends its presences, in one diff per shard.
/// </summary>
public sealed class PresenceProcess : IDisposable
{
    private readonly Lock _gate = new();
    private IProcessLink? _first;
    private List<IProcessLink>? _more;

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
        IProcessLink? first;
        List<IProcessLink>? more;
        lock (_gate)
        {
            if (IsEnded)
            {
                return;
            }

            IsEnded = true;
            (first, more) = (_first, _more);
            (_first, _more) = (null, null);
        }

        first?.Ended(this);
        foreach (var link in more ?? [])
        {
            link.Ended(this);
        }
    }

    /// <summary>The same as <see cref="End"/>.</summary>
    public void Dispose() => End();

    /// <summary>Asks to be told of the end, once.</summary>
    /// <returns>False if the process has already ended: the caller was not linked and acts at once.</returns>
    internal bool Link(IProcessLink link)
    {
        lock (_gate)
        {
            if (IsEnded)
            {
                return false;
            }

            if (_first is null)
            {
                _first = link;
            }
            else if (_first != link && !(_more ??= []).Contains(link))
            {
                _more.Add(link);
            }

            return true;
        }
    }
}
