using Presence.Node.InMemory;

namespace Presence.Node.Unique.InMemory;

/// <summary>
/// Elects, per unique process, the node of one in-memory cluster that has waited longest. All nodes share this object,
/// so cut connections do not affect it.
/// </summary>
internal sealed class InMemoryElections
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Election> _elections = new(StringComparer.Ordinal);

    /// <summary>Waits until the node is elected; forever if it was removed from the cluster.</summary>
    public async Task<InMemoryLeadership> AcquireAsync(
        string name, InMemoryTransport node, CancellationToken cancellation)
    {
        var candidate = new Candidate(node);
        Election election;
        lock (_gate)
        {
            election = ElectionOf(name);
            if (!node.IsSilent)
            {
                election.Candidates.Add(candidate);
                Elect(election);
            }
        }

        using var stop = cancellation.Register(() => candidate.Elected.TrySetCanceled(cancellation));
        try
        {
            return await candidate.Elected.Task.ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                election.Candidates.Remove(candidate);
            }
        }
    }

    public void Release(InMemoryLeadership leadership, ReadOnlyMemory<byte> state)
    {
        lock (_gate)
        {
            var election = ElectionOf(leadership.Name);
            if (election.Holder == leadership)
            {
                (election.Holder, election.State) = (null, state);
                Elect(election);
            }
        }
    }

    public void Remove(InMemoryTransport node)
    {
        lock (_gate)
        {
            foreach (var election in _elections.Values)
            {
                election.Candidates.RemoveAll(candidate => candidate.Node == node);
                if (election.Holder is { } holder && holder.Node == node)
                {
                    holder.Lose();
                    election.Holder = null;
                    Elect(election);
                }
            }
        }
    }

    private Election ElectionOf(string name) =>
        _elections.TryGetValue(name, out var election) ? election : _elections[name] = new Election(name);

    private static void Elect(Election election)
    {
        while (election.Holder is null && election.Candidates is [var next, ..])
        {
            election.Candidates.RemoveAt(0);
            var leadership = new InMemoryLeadership(election.Name, next.Node, election.State);
            if (next.Elected.TrySetResult(leadership))
            {
                (election.Holder, election.State) = (leadership, default);
            }
            else
            {
                // The candidate was cancelled and is about to withdraw.
                leadership.Dispose();
            }
        }
    }

    private sealed class Election(string name)
    {
        public string Name => name;

        public List<Candidate> Candidates { get; } = [];

        public InMemoryLeadership? Holder { get; set; }

        public ReadOnlyMemory<byte> State { get; set; }
    }

    private sealed record Candidate(InMemoryTransport Node)
    {
        public TaskCompletionSource<InMemoryLeadership> Elected { get; } =
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
