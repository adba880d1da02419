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
    private static readonly object Over = new();

    /// <summary>
    /// Who is told of the end: nobody, one (as most have), an array that is never written to, or <see cref="Over"/>. One word, changed by
    /// comparison: there are as many of these as there are presences, and a lock would take more than all the rest.
    /// </summary>
    private object? _links;

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
    public bool IsEnded => Volatile.Read(ref _links) == Over;

    /// <summary>Ends the process and with it all its presences. Later calls do nothing.</summary>
    public void End()
    {
        switch (Interlocked.Exchange(ref _links, Over))
        {
            case IProcessLink one:
                one.Ended(this);
                break;
            case IProcessLink[] links:
                foreach (var link in links)
                {
                    link.Ended(this);
                }

                break;
        }
    }

    /// <summary>The same as <see cref="End"/>.</summary>
    public void Dispose() => End();

    /// <summary>Asks to be told of the end, once.</summary>
    /// <returns>False if the process has already ended: the caller was not linked and acts at once.</returns>
    internal bool Link(IProcessLink link)
    {
        var links = Volatile.Read(ref _links);
        while (links != Over)
        {
            if (links == link || (links is IProcessLink[] present && present.Contains(link)))
            {
                return true;
            }

            object with = links switch
            {
                null => link,
                IProcessLink one => new[] { one, link },
                _ => (IProcessLink[])[.. (IProcessLink[])links, link],
            };
            var before = Interlocked.CompareExchange(ref _links, with, links);
            if (before == links)
            {
                return true;
            }

            links = before;
        }

        return false;
    }
}
