using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Presence.Tracker;
using Presence.Tracker.Cursors;

namespace Presence.Grains.Client;

/// <summary>
/// Reads one topic from a source of events and delivers each change once. One loop handles events, detects gaps and
/// requests the list again.
/// </summary>
internal abstract partial class TopicReader : ITopicSubscription
{
    private static readonly TimeSpan MinRetryDelay = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MaxRetryDelay = TimeSpan.FromSeconds(5);

    /// <summary>Number of call timeouts for which the first attempts may fail.</summary>
    private const int MaxStartTimeouts = 6;

    /// <summary>A shorter list is about as small as a cursor and its answer.</summary>
    private const int MinForCursor = 16;

    /// <summary>The call of a handler in whose control flow this is, also of another subscription.</summary>
    private static readonly AsyncLocal<HandlerCall?> s_call = new();

    private readonly Func<IReadOnlyList<PresenceChange>, ValueTask> _handler;
    private readonly TaskScheduler _scheduler = TaskScheduler.Current;
    private readonly TopicView _view;
    private readonly PresenceSet _presences;
    private readonly Channel<TopicChanges?> _inbox;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile Exception? _lastError;
    private long _began;
    private int _failures;
    private Task _reading = Task.CompletedTask;
    private long _term;
    private long _sequence;
    private bool _behind = true;
    private bool _isRechecking;
    private int _isCheckDue;
    private int _overflowed;
    private int _disposed;

    protected TopicReader(
        PresenceClient client,
        string topic,
        Func<IReadOnlyList<PresenceChange>, ValueTask> handler,
        bool isOfView = false)
    {
        ArgumentNullException.ThrowIfNull(topic);
        ArgumentNullException.ThrowIfNull(handler);
        Client = client;
        Topic = topic;
        _handler = handler;
        _presences = new PresenceSet(topic);
        _view = new TopicView(_presences, client.Time, client.Options.SiloSwitchGracePeriod, isOfView);
        _inbox = Channel.CreateBounded<TopicChanges?>(
            new BoundedChannelOptions(client.Options.SubscriptionQueueCapacity) { SingleReader = true });
    }

    public string Topic { get; }

    public TopicSnapshot Presences => _presences.Current;

    public SubscriptionState State =>
        Volatile.Read(ref _disposed) != 0 || Client.Stopping.IsCancellationRequested ? SubscriptionState.Ended
        : _lastError is null ? SubscriptionState.Active
        : SubscriptionState.Recovering;

    public Exception? LastError => _lastError;

    /// <summary>Gets the silo that keeps the source, for which <see cref="ClientRenewals"/> checks it.</summary>
    public abstract string? Silo { get; }

    /// <summary>Gets the address of the silo that published the last events.</summary>
    protected string? PublisherSilo { get; private set; }

    protected PresenceClient Client { get; }

    protected ITopicPresenceGrain Grain => Client.Topic(Topic);

    /// <summary>Gets the position of the reader.</summary>
    protected (long Term, long Sequence) At => (_term, _sequence);

    /// <summary>Gets the cursor of what the handler has received; null if that is little.</summary>
    protected string? Cursor =>
        Presences.Count < MinForCursor ? null : TopicCursor.Of(TopicDigest.Of(Topic, Presences))?.Text;

    /// <summary>Completes when the handler has received the first list.</summary>
    public async Task BeginAsync(CancellationToken cancellation)
    {
        _began = Client.Time.GetTimestamp();
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

        // A handler that waited for its own end, or for that of one that waits for it, would deadlock.
        if (s_call.Value is not { IsRunning: true })
        {
            await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        _begun.TrySetCanceled();
        await CloseAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Queues an event of the source. Can be called from any thread.</summary>
    protected void Post(TopicChanges changes)
    {
        if (!_inbox.Writer.TryWrite(changes))
        {
            Volatile.Write(ref _overflowed, 1);
            Client.Instruments.Dropped();
        }
    }

    /// <summary>Called when the silo does not answer.</summary>
    public abstract void OnSiloLost(string silo);

    /// <summary>Schedules a call of <see cref="CheckAsync"/>.</summary>
    protected void Recheck()
    {
        // Wakes the loop; where the queue is full, there is no need to.
        Volatile.Write(ref _isCheckDue, 1);
        _inbox.Writer.TryWrite(null);
    }

    /// <summary>Reads the pages after the first of a list.</summary>
    /// <exception cref="TimeoutException">The list has expired.</exception>
    protected async Task<IReadOnlyList<PresenceEntry>> ReadRestAsync(
        string silo, string? list, IReadOnlyList<PresenceEntry> first, CancellationToken cancellation)
    {
        if (list is null)
        {
            return first;
        }

        var all = new List<PresenceEntry>(first);
        for (var page = 1; list is not null; page++)
        {
            var next = await Client.CallAsync(Client.SiloGrain(silo).GetPage(list, page), cancellation)
                ?? throw new TimeoutException($"Page {page} of topic '{Topic}' has expired on silo {silo}.");
            all.AddRange(next.Presences);
            list = next.Rest;
        }

        return all;
    }

    /// <summary>Schedules an additional call of <see cref="CheckAsync"/>.</summary>
    protected void CheckAfter(TimeSpan delay) => _ = CheckAfterAsync(delay);

    /// <summary>Opens the source if necessary and returns the current list, which later events continue.</summary>
    protected abstract Task<TopicChanges> OpenAsync(CancellationToken cancellation);

    /// <summary>Returns false if an event or the source may be lost. Called after <see cref="Recheck"/>.</summary>
    protected abstract Task<bool> CheckAsync(CancellationToken cancellation);

    /// <summary>Closes the source.</summary>
    protected abstract Task CloseAsync();

    private async Task CheckAfterAsync(TimeSpan delay)
    {
        await Task.Delay(delay, Client.Time);
        Recheck();
    }

    private async Task ReadAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                if (_behind && !await CatchUpAsync())
                {
                    if (_begun.Task.IsFaulted)
                    {
                        return;
                    }

                    var jitter = 1 + (Random.Shared.NextDouble() / 2);
                    var delay = MinRetryDelay * Math.Pow(2, Math.Min(_failures - 1, 10)) * jitter;
                    await Task.Delay(delay < MaxRetryDelay ? delay : MaxRetryDelay, Client.Time, _stop.Token);
                    continue;
                }

                await HandleAsync(await _inbox.Reader.ReadAsync(_stop.Token));
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
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
            Failed(e);
            return false;
        }

        LogReceived(now, "a list");
        _behind = false;
        if (_lastError is not null)
        {
            _lastError = null;
            LogRecovered(Client.Logger, Topic);
        }

        _failures = 0;
        if (_begun.Task.IsCompleted)
        {
            Client.Instruments.CaughtUp(now.SinceCursor);
        }

        await ResetAsync(now);
        _begun.TrySetResult();
        return true;
    }

    /// <summary>
    /// Records a failed attempt. The first attempts end the subscription if the error is permanent or the time is over;
    /// later ones are repeated.
    /// </summary>
    private void Failed(Exception error)
    {
        _failures++;
        if (!_begun.Task.IsCompleted)
        {
            var waited = Client.Time.GetElapsedTime(_began);
            if (!IsTransient(error))
            {
                _begun.TrySetException(error);
            }
            else if (waited >= Client.Options.CallTimeout * MaxStartTimeouts)
            {
                _begun.TrySetException(new TimeoutException(
                    $"Subscribing to topic '{Topic}' failed for {waited.TotalSeconds:F0} s: {error.Message}", error));
            }
        }
        else if (_lastError is null)
        {
            LogNotRead(Client.Logger, Topic, error);
        }

        _lastError = error;
    }

    /// <summary>Returns whether another attempt may succeed, because a silo stopped, failed or is busy.</summary>
    private static bool IsTransient(Exception error) =>
        error is TimeoutException or SiloUnavailableException or OrleansMessageRejectionException
            or TopicPublisherMovedException or System.IO.IOException or System.Net.Sockets.SocketException;

    private async Task HandleAsync(TopicChanges? changes)
    {
        if (changes is not null)
        {
            LogReceived(changes, "an event");
        }

        if (Interlocked.Exchange(ref _overflowed, 0) != 0)
        {
            // The list that is read next has all of these, and the queue needs room for what comes meanwhile.
            while (_inbox.Reader.TryRead(out _))
            {
                // Dropped.
            }

            _behind = true;
        }
        else if (changes is not null)
        {
            await TakeAsync(changes);
        }

        if (Interlocked.Exchange(ref _isCheckDue, 0) != 0)
        {
            _isRechecking = false;
            _behind = _behind || !_view.IsConsistent || !await IsHealthyAsync();
        }
    }

    private async Task TakeAsync(TopicChanges changes)
    {
        if (changes.Term < _term || (changes.Term == _term && changes.Sequence <= _sequence))
        {
            // Late: contained in a list that was read since.
        }
        else if (changes.Rest is not null)
        {
            // A large topic: its other pages are read together with a new first page.
            _behind = true;
        }
        else if (changes.IsReset)
        {
            await ResetAsync(changes);
        }
        else if (changes.Term == _term && changes.Sequence == _sequence + 1)
        {
            _sequence = changes.Sequence;
            await NotifyAsync(_view.Apply(changes.Changes));
        }
        else
        {
            _behind = true;
        }
    }

    private async Task<bool> IsHealthyAsync()
    {
        try
        {
            return await CheckAsync(_stop.Token);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            Failed(e);
            return false;
        }
    }

    private async Task ResetAsync(TopicChanges reset)
    {
        (_term, _sequence, PublisherSilo) = (reset.Term, reset.Sequence, reset.Silo);
        var present = reset.SinceCursor ? _view.With(reset.Changes) : reset.Changes.Select(c => c.Entry);
        await NotifyAsync(_view.Replace(reset.Silo, present, reset.Known ?? []));
    }

    private async Task NotifyAsync(List<PresenceChange> changes)
    {
        if (!_view.IsConsistent && !_isRechecking)
        {
            _isRechecking = true;
            CheckAfter(Client.Options.RenewalInterval);
        }

        if (changes.Count == 0 || _stop.IsCancellationRequested)
        {
            return;
        }

        var call = new HandlerCall();
        s_call.Value = call;
        try
        {
            if (_scheduler == TaskScheduler.Default)
            {
                await _handler(changes);
            }
            else
            {
                // Subscribed by a grain: its handler runs as part of the grain.
                await Task.Factory.StartNew(
                    () => _handler(changes).AsTask(),
                    CancellationToken.None,
                    TaskCreationOptions.None,
                    _scheduler).Unwrap();
            }
        }
        catch (Exception e)
        {
            Client.Instruments.HandlerFailed();
            LogHandlerFailed(Client.Logger, Topic, e);
        }
        finally
        {
            call.IsRunning = false;
            s_call.Value = null;
        }
    }

    /// <summary>A call of a handler. Tasks that the handler has started know it too, also after it has ended.</summary>
    private sealed class HandlerCall
    {
        public volatile bool IsRunning = true;
    }

    private void LogReceived(TopicChanges changes, string what) => LogReceived(
        Client.Logger, Topic, what, changes.Term, changes.Sequence, changes.Node, changes.IsReset,
        changes.Changes.Count, _term, _sequence);

    [LoggerMessage(
        Level = LogLevel.Trace,
        Message = "Topic {Topic}: received {What} {Term}/{Sequence} from {Node}, reset {IsReset}, {Count} changes; "
            + "reader at {AtTerm}/{AtSequence}.")]
    private static partial void LogReceived(
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

    [LoggerMessage(Level = LogLevel.Information, Message = "The subscription to topic {Topic} has recovered.")]
    private static partial void LogRecovered(ILogger logger, string topic);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The subscription to topic {Topic} failed; retrying until it recovers.")]
    private static partial void LogNotRead(ILogger logger, string topic, Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "Handler of a subscription to topic {Topic} threw.")]
    private static partial void LogHandlerFailed(ILogger logger, string topic, Exception error);
}
