using Presence.Crdt;
using Presence.Tracker.Wire;

namespace Presence.Tracker.Shard;

/// <summary>Puts the parts of ordered answers in order: keeps those that arrive before an earlier one.</summary>
internal sealed class OrderedParts
{
    /// <summary>Answers that are received at a time; beyond it, the one to the oldest request is dropped.</summary>
    private const int MaxAnswers = 4;

    /// <summary>Parts of one answer that may wait for an earlier one; later ones are dropped.</summary>
    private const int MaxWaiting = 64;

    private readonly List<Answer> _answers = [];

    /// <summary>Accepts a part. Returns those that may be merged now, in order; enumerate them once.</summary>
    /// <param name="answerer">Who sent it.</param>
    /// <param name="request">The answered request; larger numbers are newer.</param>
    /// <param name="place">Its place in the answer.</param>
    /// <param name="part">The part.</param>
    public IEnumerable<ReplicaState<PresenceEntry>> Accept(
        ReplicaId answerer, ulong request, PartSequence place, ReplicaState<PresenceEntry> part)
    {
        var answer = _answers.Find(a => a.Answerer == answerer && a.Number == place.Answer);
        if (answer is null)
        {
            answer = new Answer(answerer, place.Answer, request);
            _answers.Add(answer);
            if (_answers.Count > MaxAnswers)
            {
                _answers.Remove(_answers.MinBy(a => a.Request)!);
            }
        }

        if (place.Index >= answer.Next && answer.Waiting.Count < MaxWaiting)
        {
            answer.Waiting[place.Index] = part;
        }

        while (answer.Waiting.Remove(answer.Next, out var next))
        {
            answer.Next++;
            yield return next;
        }
    }

    public void Clear() => _answers.Clear();

    private sealed class Answer(ReplicaId answerer, ulong number, ulong request)
    {
        public ReplicaId Answerer => answerer;

        public ulong Number => number;

        public ulong Request => request;

        public int Next { get; set; }

        public Dictionary<int, ReplicaState<PresenceEntry>> Waiting { get; } = [];
    }
}
