using Microsoft.Extensions.Logging;

namespace Presence.Node;

/// <summary>What <c>AddUniqueProcess</c> was given.</summary>
internal sealed record UniqueRegistration(string Name, IReadOnlyList<Type> Types, UniqueProcessOptions Options);

/// <summary>One member's life with one unique process: stand by, win, run, stop, make room, and again.</summary>
internal sealed class UniqueRunner(
    UniqueRegistration registration,
    IUniqueArbiter arbiter,
    IPresenceNode node,
    IServiceProvider services,
    UniqueInstruments instruments,
    TimeProvider time,
    ILogger log)
{
    private readonly UniqueProcessOptions _options = registration.Options;
    private readonly OccasionalLog _occasionally = new(time);
    private readonly Lock _gate = new();
    private CancellationTokenSource? _handOver;
    private int _failures;

    private string Name => registration.Name;

    /// <summary>Makes the process stop here, if it runs here, so that another member takes over.</summary>
    public void HandOver()
    {
        lock (_gate)
        {
            _handOver?.Cancel();
        }
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await ContendAsync(stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                log.UniqueContestFailed(Name, e);
                await PauseAsync(_options.RestartDelay, stopping).ConfigureAwait(false);
            }
        }
    }

    private async Task ContendAsync(CancellationToken stopping)
    {
        var contest = await arbiter.EnterAsync(Name, _options, stopping).ConfigureAwait(false);
        await using (contest.ConfigureAwait(false))
        {
            using var board = new UniqueBoard(node, Name);
            await PublishAsync(board, term: null).ConfigureAwait(false);
            while (!stopping.IsCancellationRequested)
            {
                var term = await contest.WinAsync(stopping).ConfigureAwait(false);
                if (!term.IsCurrent)
                {
                    // The member stood still since it won, and another may run it by now: to start only to stop would be one too many.
                    using var over = term;
                    await term.AbandonAsync(TimeSpan.Zero).ConfigureAwait(false);
                    continue;
                }

                var left = await RunTermAsync(term, board, stopping).ConfigureAwait(false);
                if (left is not null)
                {
                    // One that does not end must at least not run twice here.
                    await left.WaitAsync(stopping).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Returns null, or the end of a process that did not end when asked.</summary>
    private async Task<Task?> RunTermAsync(IUniqueTerm term, UniqueBoard board, CancellationToken stopping)
    {
        using var held = term;
        using var stop = new CancellationTokenSource();
        var context = new UniqueProcessContext(Name, node.Name, arbiter.Mode, term, time, stop.Token);
        var instances = new UniqueInstances(services, registration.Types, context);
        log.UniqueStarted(Name, term.Epoch);
        instruments.Started();
        await PublishAsync(board, term).ConfigureAwait(false);
        var began = time.GetTimestamp();
        var work = Task.Run(instances.RunAsync, CancellationToken.None);
        var reason = await FirstReasonAsync(work, context, term, stopping).ConfigureAwait(false);
        log.UniqueStopping(Name, reason);
        instruments.Stopping(reason);
        var remaining = term.StopProlonging();
        var grace = remaining < _options.StopTimeout ? remaining : _options.StopTimeout;
        context.StopReason = reason;
        await CancelAsync(stop).ConfigureAwait(false);
        var ending = Task.Run(() => EndAsync(instances, work, context), CancellationToken.None);
        var isEnded = await HasEndedAsync(ending, grace).ConfigureAwait(false);
        var pause = PauseAfter(work, reason, time.GetElapsedTime(began));
        await PublishAsync(board, term: null).ConfigureAwait(false);
        if (isEnded)
        {
            instruments.Ended();
            var isPlanned = reason is not (UniqueStopReason.NameConflict or UniqueStopReason.LeaseLost) && !work.IsFaulted;
            await term.EndAsync(isPlanned ? context.State : default, pause).ConfigureAwait(false);
            return null;
        }

        log.UniqueAbandoned(Name, grace, reason);
        instruments.Abandoned();
        await term.AbandonAsync(pause).ConfigureAwait(false);
        return ending.ContinueWith(_ => instruments.Ended(), TaskScheduler.Default);
    }

    /// <summary>Publishes that the process runs here, or that this node stands by.</summary>
    private async Task PublishAsync(UniqueBoard board, IUniqueTerm? term)
    {
        try
        {
            await board.PublishAsync(new UniqueNodeStatus
            {
                Mode = arbiter.Mode,
                Since = term is null ? null : time.GetUtcNow().ToUnixTimeMilliseconds(),
                Epoch = term?.Epoch,
            }).ConfigureAwait(false);
        }
        catch (PresenceOverloadException e)
        {
            // The directory is behind by one line; who runs is not decided here.
            if (_occasionally.IsDue("publish", out var times))
            {
                log.UniqueUnannounced(Name, times, e);
            }
        }
    }

    private async Task<UniqueStopReason> FirstReasonAsync(
        Task work, UniqueProcessContext context, IUniqueTerm term, CancellationToken stopping)
    {
        using var handOver = new CancellationTokenSource();
        lock (_gate)
        {
            _handOver = handOver;
        }

        using var any = CancellationTokenSource.CreateLinkedTokenSource(stopping, term.Lost, handOver.Token);
        try
        {
            while (!work.IsCompleted && !any.IsCancellationRequested)
            {
                var untilHung = _options.Watchdog - context.SinceBeat;
                if (untilHung <= TimeSpan.Zero)
                {
                    return UniqueStopReason.LeaseLost;
                }

                await Task.WhenAny(work, Task.Delay(untilHung ?? Timeout.InfiniteTimeSpan, time, any.Token)).ConfigureAwait(false);
            }
        }
        finally
        {
            lock (_gate)
            {
                _handOver = null;
            }

            await any.CancelAsync().ConfigureAwait(false);
        }

        return term.Lost.IsCancellationRequested ? term.LostReason
            : stopping.IsCancellationRequested ? UniqueStopReason.Shutdown
            : work.IsCompleted ? UniqueStopReason.Ended
            : UniqueStopReason.HandedOver;
    }

    private async Task EndAsync(UniqueInstances instances, Task work, UniqueProcessContext context)
    {
        await instances.StopAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            await work.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (context.Stopping.IsCancellationRequested)
        {
            // The usual end of one that was asked to.
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            instruments.Failed();
            log.UniqueFailed(Name, PauseAfterFailures(_failures + 1), e);
        }

        await instances.DisposeAsync().ConfigureAwait(false);
    }

    private async Task CancelAsync(CancellationTokenSource stop)
    {
        try
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }
        catch (AggregateException e)
        {
            // Thrown by what the process had registered; the term must be ended all the same.
            instruments.Failed();
            log.UniqueFailed(Name, _options.RestartDelay, e);
        }
    }

    private async Task<bool> HasEndedAsync(Task ending, TimeSpan grace)
    {
        if (grace > TimeSpan.Zero)
        {
            using var done = new CancellationTokenSource();
            await Task.WhenAny(ending, Task.Delay(grace, time, done.Token)).ConfigureAwait(false);
            await done.CancelAsync().ConfigureAwait(false);
        }

        if (ending.IsFaulted)
        {
            instruments.Failed();
            log.UniqueFailed(Name, _options.RestartDelay, ending.Exception!);
        }

        return ending.IsCompleted;
    }

    private TimeSpan PauseAfter(Task work, UniqueStopReason reason, TimeSpan ran)
    {
        _failures = work.IsFaulted && ran < _options.MaxRestartDelay ? _failures + 1 : work.IsFaulted ? 1 : 0;
        return work.IsFaulted ? PauseAfterFailures(_failures)
            : reason is UniqueStopReason.HandedOver ? TimeSpan.FromSeconds(5)
            : reason is UniqueStopReason.Ended or UniqueStopReason.LeaseLost ? _options.RestartDelay
            : TimeSpan.Zero;
    }

    private TimeSpan PauseAfterFailures(int failures)
    {
        var pause = _options.RestartDelay * Math.Pow(2, Math.Min(failures, 20) - 1);
        return pause < _options.MaxRestartDelay ? pause : _options.MaxRestartDelay;
    }

    private async Task PauseAsync(TimeSpan pause, CancellationToken stopping)
    {
        try
        {
            await Task.Delay(pause, time, stopping).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The member stops; the caller looks.
        }
    }
}
