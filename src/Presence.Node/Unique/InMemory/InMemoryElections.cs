namespace Presence.Node;

/// <summary>
/// Elects, among the nodes of one in-memory cluster, who runs each unique process: whoever has waited longest. Links between nodes that are
/// cut make no difference, because all nodes share this object.
/// </summary>
internal sealed class InMemoryElections
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Place> _places = new(StringComparer.Ordinal);

    /// <summary>Waits until the node is to run the process; for ever if it was removed from the cluster.</summary>
    public async Task<InMemoryTerm> AcquireAsync(string name, EmbeddedLink node, CancellationToken cancellation)
    {
        var candidate = new Candidate(node);
        Place place;
        lock (_gate)
        {
            place = PlaceOf(name);
            if (!node.IsSilent)
            {
                place.Candidates.Add(candidate);
                Fill(place);
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
                place.Candidates.Remove(candidate);
            }
        }
    }

    /// <summary>Ends a term and elects a successor, which finds the state.</summary>
    public void Release(InMemoryTerm term, ReadOnlyMemory<byte> state)
    {
        lock (_gate)
        {
            var place = PlaceOf(term.Name);
            if (place.Holder == term)
            {
                (place.Holder, place.State) = (null, state);
                Fill(place);
            }
        }
    }

    /// <summary>Removes a node that has left or crashed: it loses what it runs, and others are elected.</summary>
    public void Remove(EmbeddedLink node)
    {
        lock (_gate)
        {
            foreach (var place in _places.Values)
            {
                place.Candidates.RemoveAll(candidate => candidate.Node == node);
                if (place.Holder is { } holder && holder.Node == node)
                {
                    holder.Lose();
                    place.Holder = null;
                    Fill(place);
                }
            }
        }
    }

    private Place PlaceOf(string name) => _places.TryGetValue(name, out var place) ? place : _places[name] = new Place(name);

    private static void Fill(Place place)
    {
        while (place.Holder is null && place.Candidates is [var next, ..])
        {
            place.Candidates.RemoveAt(0);
            var term = new InMemoryTerm(place.Name, next.Node, place.State);
            if (next.Elected.TrySetResult(term))
            {
                (place.Holder, place.State) = (term, default);
            }
            else
            {
                // It has been cancelled and is about to withdraw.
                term.Dispose();
            }
        }
    }

    /// <summary>The one place of a unique process.</summary>
    private sealed class Place(string name)
    {
        public string Name => name;

        /// <summary>In the order in which they came.</summary>
        public List<Candidate> Candidates { get; } = [];

        public InMemoryTerm? Holder { get; set; }

        /// <summary>What the last holder left and nobody has taken yet.</summary>
        public ReadOnlyMemory<byte> State { get; set; }
    }

    private sealed record Candidate(EmbeddedLink Node)
    {
        public TaskCompletionSource<InMemoryTerm> Elected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
