using Presence.Node;

namespace Presence.Grains.Tests.Link;

/// <summary>Keeps what a link hears and lets a test await it.</summary>
internal sealed class RecordingReceiver : IClusterReceiver
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Lock _gate = new();
    private readonly List<Heard> _heard = [];
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Something the link said.</summary>
    internal sealed record Heard(string Kind, string From, byte[] Body, ulong Incarnation = 0, string Channel = "");

    /// <summary>Answers to asks wait for this.</summary>
    public Task<bool> Answering { get; set; } = Task.FromResult(true);

    public IReadOnlyList<Heard> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _heard];
            }
        }
    }

    public void Received(string from, LinkFrame frame) =>
        Add(new("frame", from, frame.Body.ToArray(), Channel: frame.Channel));

    public async ValueTask<bool> AskedAsync(string from, LinkFrame frame)
    {
        Add(new("ask", from, frame.Body.ToArray(), Channel: frame.Channel));
        return await Answering;
    }

    public void MemberJoined(string member) => Add(new("joined", member, []));

    public void MemberGone(string member, ulong incarnation) => Add(new("gone", member, [], incarnation));

    /// <summary>Completes when something of the kind was heard, now or later.</summary>
    public async Task<Heard> HearsAsync(string what, Func<Heard, bool> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            Task more;
            lock (_gate)
            {
                if (_heard.Find(h => condition(h)) is { } found)
                {
                    return found;
                }

                more = _more.Task;
            }

            try
            {
                await more.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"Never heard: {what}. Heard: {string.Join(", ", All.Select(h => h.Kind + " " + h.From))}");
            }
        }
    }

    private void Add(Heard heard)
    {
        lock (_gate)
        {
            _heard.Add(heard);
            _more.TrySetResult();
            _more = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
