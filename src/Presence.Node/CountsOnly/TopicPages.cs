using System.Collections.Concurrent;
using Presence.Tracker;

namespace Presence.Node.CountsOnly;

/// <summary>Reads pages of counts-only topics: each owner is queried for its part, and the parts are merged.</summary>
/// <remarks>
/// An answer is a request in the other direction, so that any transport can carry it. A page without the part of an
/// owner would skip presences without a trace, so that it fails instead.
/// </remarks>
internal sealed class TopicPages(IClusterTransport transport, PresenceLimits limits, TimeProvider time)
{
    /// <summary>Maximum time for the answers of all owners.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    /// <summary>Maximum number of keys of a page.</summary>
    public const int MaxKeys = 10_000;

    /// <summary>Size of an answer after which it has no further keys, in bytes of keys and metadata.</summary>
    public const int MaxBytes = 1024 * 1024;

    private readonly ConcurrentDictionary<ulong, Waiting> _waiting = new();
    private ulong _last;

    /// <exception cref="TimeoutException">An owner did not answer.</exception>
    /// <exception cref="PresenceLimitException">The topic or <paramref name="after"/> is too large.</exception>
    public async Task<PresencePage> PageAsync(
        string tracker, CountsOnlyTopics topics, string topic, string? after, int limit,
        CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, MaxKeys);
        cancellation.ThrowIfCancellationRequested();
        limits.CheckTopic(topic);
        after = after is "" ? null : after;
        if (after is not null)
        {
            limits.CheckKey(after);
        }

        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        var others = topics.OtherOwners(topic).Select(node => RequestAsync(
            node, number => new PageRequest(number, tracker, topic, after, limit), either.Token, cancellation));
        var parts = await Task.WhenAll(others).ConfigureAwait(false);
        return Merge([PartOf(0, topics.LocalOf(topic), after, limit), .. parts], limit);
    }

    /// <summary>Handles a frame of another node; returns whether it was of use.</summary>
    public bool OnFrame(string from, PageFrame frame, Func<string, CountsOnlyTopics?> topicsOf)
    {
        switch (frame)
        {
            case PageRequest { Limit: >= 1 and <= MaxKeys } request when topicsOf(request.Tracker) is { } topics:
                _ = AnswerAsync(from, PartOf(request.Number, topics.LocalOf(request.Topic), request.After,
                    request.Limit));
                return true;
            case PageAnswer answer when _waiting.TryGetValue(answer.Number, out var waiting)
                && waiting.Node == from && waiting.Topic == answer.Topic:
                return waiting.Answer.TrySetResult(answer);
            default:
                return false;
        }
    }

    /// <summary>Returns the next keys of a node's presences, fewer if they are large.</summary>
    internal static PageAnswer PartOf(ulong number, TopicSnapshot local, string? after, int limit)
    {
        var page = local.Page(after, limit);
        var (size, end) = (0L, 0);
        while (end < page.Entries.Count && size < MaxBytes)
        {
            var key = page.Entries[end].Key;
            for (; end < page.Entries.Count && page.Entries[end].Key == key; end++)
            {
                size += key.Length + page.Entries[end].Meta.Length;
            }
        }

        return new PageAnswer(
            number, local.Topic, [.. page.Entries.Take(end)], page.Next is not null || end < page.Entries.Count);
    }

    /// <summary>Merges parts that begin after the same key.</summary>
    internal static PresencePage Merge(IReadOnlyList<PageAnswer> parts, int limit)
    {
        // Beyond the last key of a part that has more, the page may lack some of its presences.
        var complete = parts.Where(part => part.HasMore).Select(part => part.Entries[^1].Key)
            .Min(StringComparer.Ordinal);
        var keys = parts.SelectMany(part => part.Entries)
            .Where(entry => complete is null || string.CompareOrdinal(entry.Key, complete) <= 0)
            .GroupBy(entry => entry.Key, StringComparer.Ordinal)
            .OrderBy(key => key.Key, StringComparer.Ordinal)
            .ToList();
        var isLast = complete is null && keys.Count <= limit;
        var entries = keys.Take(limit)
            .SelectMany(key => key.OrderBy(e => e.Owner.Node, StringComparer.Ordinal).ThenBy(e => e.Sequence))
            .ToArray();
        return new PresencePage(entries, isLast ? null : entries[^1].Key);
    }

    private async Task<PageAnswer> RequestAsync(
        string node, Func<ulong, PageRequest> create, CancellationToken either, CancellationToken cancellation)
    {
        var request = create(Interlocked.Increment(ref _last));
        var waiting = new Waiting(
            node, request.Topic, new(TaskCreationOptions.RunContinuationsAsynchronously));
        _waiting[request.Number] = waiting;
        try
        {
            return await SendAsync(node, request, either).ConfigureAwait(false)
                ? await waiting.Answer.Task.WaitAsync(either).ConfigureAwait(false)
                : throw NotAnswered(node);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw NotAnswered(node);
        }
        finally
        {
            _waiting.TryRemove(request.Number, out _);
        }
    }

    private async Task AnswerAsync(string node, PageAnswer answer)
    {
        try
        {
            using var timeout = new CancellationTokenSource(Timeout, time);
            await SendAsync(node, answer, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The other node waits no longer than its timeout.
        }
    }

    private Task<bool> SendAsync(string node, PageFrame frame, CancellationToken timeout) => transport
        .RequestAsync(node, new ClusterFrame(PresenceOptions.PageChannel, 0, frame.Encode()), timeout)
        .AsTask().WaitAsync(timeout);

    private static TimeoutException NotAnswered(string node) => new(
        $"Node '{node}' did not answer in {Timeout.TotalSeconds} s: the page would lack its presences. Retry.");

    private sealed record Waiting(string Node, string Topic, TaskCompletionSource<PageAnswer> Answer);
}
