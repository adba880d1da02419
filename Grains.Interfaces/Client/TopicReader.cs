using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Presence.Tracker;

namespace Presence.Grains.Client;

/// <summary>
/// Reads one topic from some source of events and tells each change once: one loop that takes events, notices gaps, and
/// lists again.
/// </summary>
internal abstract partial class TopicReader : ITopicWatch
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    // A handler that ends its own watch must not wait for itself.
    private static readonly AsyncLocal<TopicReader?> s_telling = new();

    private readonly Func<IReadOnlyList<PresenceChange>, ValueTask> _handler;
    private readonly TopicPicture _picture;
    private readonly Channel<TopicChanges?> _inbox;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IReadOnlyList<PresenceEntry> _presences = [];
    private Task _reading = Task.CompletedTask;
    private long _term;
    private long _sequence;
    private bool _behind = true;
    private int _overflowed;
    private int _disposed;

    protected TopicReader(
        PresenceClient client,
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(handler);
        Client = client;
        Topic = topic;
        _handler = handler;
        _picture = new TopicPicture(client.Time, client.Options.Settle);
        _inbox = Channel.CreateBounded<TopicChanges?>(
            new BoundedChannelOptions(client.Options.WatchBacklog) { SingleReader = true });
    }

    public string Topic { get; }

    public IReadOnlyList<PresenceEntry> Presences => _presences;

    protected PresenceClient Client { get; }

    protected ITopicPresenceGrain Grain => Client.Grains.GetGrain<ITopicPresenceGrain>(Topic);

    /// <summary>How far the reader has come.</summary>
    protected (long Term, long Sequence) At => (_term, _sequence);

    /// <summary>Completes when the first list was handed over.</summary>
    public async Task BeginAsync(CancellationToken cancellation)
    {
        using (ExecutionContext.SuppressFlow())
        {
            _reading = Task.Run(ReadAsync, CancellationToken.None);
        }

        await _begun.Task.WaitAsync(cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        Client.Forget(this);
        await _stop.CancelAsync();
        if (!ReferenceEquals(s_telling.Value, this))
        {
            await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _begun.TrySetCanceled();
        await CloseAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Takes an event of the source; any thread.</summary>
    protected void Post(TopicChanges changes)
    {
        if (!_inbox.Writer.TryWrite(changes))
        {
            Volatile.Write(ref _overflowed, 1);
            Client.Instruments.Dropped();
        }
    }

    /// <summary>Has <see cref="CheckAsync"/> called before its time.</summary>
    protected void CheckAfter(TimeSpan delay) => _ = CheckAfterAsync(delay);

    /// <summary>Makes sure that the source speaks, and says how the topic is now. Events continue from there.</summary>
    protected abstract Task<TopicChanges> OpenAsync(CancellationToken cancellation);

    /// <summary>Called once in a check period. False: something was missed, or the source may have gone silent.</summary>
    protected abstract Task<bool> CheckAsync(CancellationToken cancellation);

    /// <summary>Lets go of the source.</summary>
    protected abstract Task CloseAsync();

    private async Task CheckAfterAsync(TimeSpan delay)
    {
        await Task.Delay(delay, Client.Time);
        _inbox.Writer.TryWrite(null);
    }

    private async Task ReadAsync()
    {
        using var ticker = Client.Time.CreateTimer(
            static reader => ((TopicReader)reader!)._inbox.Writer.TryWrite(null),
            this,
            Client.Options.CheckPeriod,
            Client.Options.CheckPeriod);
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                if (_behind && !await CatchUpAsync())
                {
                    await Task.Delay(RetryDelay, Client.Time, _stop.Token);
                    continue;
                }

                await TakeAsync(await _inbox.Reader.ReadAsync(_stop.Token));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed of.
        }
    }

    private async Task<bool> CatchUpAsync()
    {
        TopicChanges now;
        try
        {
            now = await OpenAsync(_stop.Token);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            LogNotRead(Client.Logger, Topic, e);
            return false;
        }

        LogTaken(now, "a list");
        _behind = false;
        if (_begun.Task.IsCompleted)
        {
            Client.Instruments.CaughtUp();
        }

        await ResetAsync(now);
        _begun.TrySetResult();
        return true;
    }

    private async Task TakeAsync(TopicChanges? changes)
    {
        if (changes is not null)
        {
            LogTaken(changes, "an event");
        }

        if (Interlocked.Exchange(ref _overflowed, 0) != 0)
        {
            _behind = true;
        }
        else if (changes is null)
        {
            _behind = !_picture.IsSettled || !await LooksWellAsync();
        }
        else if (changes.Term < _term || (changes.Term == _term && changes.Sequence <= _sequence))
        {
            // Late: contained in what was listed since.
        }
        else if (changes.IsReset)
        {
            await ResetAsync(changes);
        }
        else if (changes.Term == _term && changes.Sequence == _sequence + 1)
        {
            _sequence = changes.Sequence;
            await TellAsync(_picture.Apply(changes.Changes));
        }
        else
        {
            _behind = true;
        }
    }

    private async Task<bool> LooksWellAsync()
    {
        try
        {
            return await CheckAsync(_stop.Token);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            LogNotRead(Client.Logger, Topic, e);
            return false;
        }
    }

    private async Task ResetAsync(TopicChanges reset)
    {
        (_term, _sequence) = (reset.Term, reset.Sequence);
        await TellAsync(_picture.Replace(reset.Silo, reset.Changes.Select(c => c.Entry), reset.Known ?? []));
    }

    private async Task TellAsync(List<PresenceChange> changes)
    {
        if (changes.Count == 0)
        {
            return;
        }

        _presences = [.. _picture.Shown.OrderBy(p => p.Key, StringComparer.Ordinal)];
        try
        {
            s_telling.Value = this;
            await _handler(changes);
        }
        catch (Exception e)
        {
            Client.Instruments.HandlerFailed();
            LogHandlerFailed(Client.Logger, Topic, e);
        }
        finally
        {
            s_telling.Value = null;
        }
    }

    private void LogTaken(TopicChanges changes, string what) => LogTaken(
        Client.Logger, Topic, what, changes.Term, changes.Sequence, changes.Node, changes.IsReset, changes.Changes.Count, _term, _sequence);

    [LoggerMessage(
        Level = LogLevel.Trace,
        Message = "Topic {Topic}: {What} {Term}/{Sequence} of {Node}, reset {IsReset}, {Count} changes; the reader is at {AtTerm}/{AtSequence}.")]
    private static partial void LogTaken(
        ILogger logger,
        string topic,
        string what,
        long term,
        long sequence,
        string node,
        bool isReset,
        int count,
        long atTerm,
        long atSequence);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Topic {Topic} could not be read; trying again.")]
    private static partial void LogNotRead(ILogger logger, string topic, Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "The handler of a watch of topic {Topic} failed; it is called again with what comes next.")]
    private static partial void LogHandlerFailed(ILogger logger, string topic, Exception error);
}
