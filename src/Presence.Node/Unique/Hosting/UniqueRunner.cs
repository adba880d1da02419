using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;

namespace Presence.Node.Unique.Hosting;

internal sealed record UniqueRegistration(string Name, IReadOnlyList<Type> Types, UniqueProcessOptions Options);

/// <summary>Runs one unique process on this node in a loop: wait for the election, run, stop, release.</summary>
internal sealed class UniqueRunner(
    UniqueRegistration registration,
    ILeaderElection election,
    IPresenceNode node,
    IServiceProvider services,
    UniqueInstruments instruments,
    TimeProvider time,
    ILogger log)
{
    private readonly UniqueProcessOptions _options = registration.Options;
    private readonly RateLimitedLogger _rateLimitedLog = new(time);
    private readonly Lock _gate = new();
    private CancellationTokenSource? _handOver;
    private int _failures;

    private string Name => registration.Name;

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
                await RunCandidacyAsync(stopping).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                log.CandidacyFailed(Name, e);
                await PauseAsync(_options.RestartDelay, stopping).ConfigureAwait(false);
            }
        }
    }

    private async Task RunCandidacyAsync(CancellationToken stopping)
    {
        var candidate = await election.JoinAsync(Name, _options, stopping).ConfigureAwait(false);
        await using (candidate.ConfigureAwait(false))
        {
            using var board = new UniqueBoard(node, Name);
            await PublishAsync(board, leadership: null).ConfigureAwait(false);
            while (!stopping.IsCancellationRequested)
            {
                var leadership = await candidate.AcquireAsync(stopping).ConfigureAwait(false);
                if (!leadership.IsHeld)
                {
                    // The node was suspended since its election, and another may have been elected: do not start.
                    using var expired = leadership;
                    await leadership.AbandonAsync(TimeSpan.Zero).ConfigureAwait(false);
                    continue;
                }

                var abandoned = await RunLeadershipAsync(leadership, board, stopping).ConfigureAwait(false);
                if (abandoned is not null)
                {
                    // An abandoned process must end before another instance starts on this node.
                    await abandoned.WaitAsync(stopping).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Returns null, or a task that completes when the process, which was abandoned, has ended.</summary>
    private async Task<Task?> RunLeadershipAsync(ILeadership leadership, UniqueBoard board, CancellationToken stopping)
    {
        using var held = leadership;
        using var stop = new CancellationTokenSource();
        var context = new UniqueProcessContext(Name, node.Name, election.Mode, leadership, time, stop.Token);
        var instances = new UniqueInstances(services, registration.Types, context);
        log.UniqueStarted(Name, leadership.Epoch);
        instruments.Started();
        await PublishAsync(board, leadership).ConfigureAwait(false);
        var began = time.GetTimestamp();
        var work = Task.Run(instances.RunAsync, CancellationToken.None);
        var reason = await FirstReasonAsync(work, context, leadership, stopping).ConfigureAwait(false);
        log.UniqueStopping(Name, reason);
        instruments.Stopping(reason);
        var remaining = leadership.StopRenewing();
        var grace = remaining < _options.StopTimeout ? remaining : _options.StopTimeout;
        context.StopReason = reason;
        await CancelAsync(stop).ConfigureAwait(false);
        var ending = Task.Run(() => EndAsync(instances, work, context), CancellationToken.None);
        var isEnded = await HasEndedAsync(ending, grace).ConfigureAwait(false);
        var pause = PauseAfter(work, reason, time.GetElapsedTime(began));
        await PublishAsync(board, leadership: null).ConfigureAwait(false);
        if (isEnded)
        {
            instruments.Ended();
            var isLost = reason is UniqueStopReason.NameConflict or UniqueStopReason.LeaseLost;
            await leadership.EndAsync(isLost || work.IsFaulted ? default : context.State, pause).ConfigureAwait(false);
            return null;
        }

        log.UniqueAbandoned(Name, grace, reason);
        instruments.Abandoned();
        await leadership.AbandonAsync(pause).ConfigureAwait(false);
        return ending.ContinueWith(_ => instruments.Ended(), TaskScheduler.Default);
    }

    private async Task PublishAsync(UniqueBoard board, ILeadership? leadership)
    {
        try
        {
            await board.PublishAsync(new UniqueNodeStatus
            {
                Mode = election.Mode,
                Since = leadership is null ? null : time.GetUtcNow().ToUnixTimeMilliseconds(),
                Epoch = leadership?.Epoch,
            }).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Only the directory is stale. An exception here would leave a leadership behind that nobody uses or ends.
            if (_rateLimitedLog.IsDue("publish", out var count))
            {
                log.UniquePublishFailed(Name, count, e);
            }
        }
    }

    private async Task<UniqueStopReason> FirstReasonAsync(
        Task work, UniqueProcessContext context, ILeadership leadership, CancellationToken stopping)
    {
        using var handOver = new CancellationTokenSource();
        lock (_gate)
        {
            _handOver = handOver;
        }

        using var any = CancellationTokenSource.CreateLinkedTokenSource(stopping, leadership.LostToken, handOver.Token);
        try
        {
            while (!work.IsCompleted && !any.IsCancellationRequested)
            {
                var untilHung = _options.WatchdogTimeout - context.SinceReportedHealthy;
                if (untilHung <= TimeSpan.Zero)
                {
                    return UniqueStopReason.LeaseLost;
                }

                var hung = Task.Delay(untilHung ?? Timeout.InfiniteTimeSpan, time, any.Token);
                await Task.WhenAny(work, hung).ConfigureAwait(false);
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

        return leadership.LostToken.IsCancellationRequested ? leadership.LossReason
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
        catch (OperationCanceledException) when (context.StoppingToken.IsCancellationRequested)
        {
            // The expected end after a stop request.
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
            // Thrown by a callback of the process; the leadership must end nevertheless.
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
            // The node stops; the caller checks the token.
        }
    }
}
