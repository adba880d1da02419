using Presence.Node.Shards;

namespace Presence.Node.Hosting;

/// <content>How the node stops and leaves the cluster.</content>
internal sealed partial class PresenceNode
{
    /// <summary>Sends leave frames and waits up to <c>LeaveTimeout</c> for their acknowledgements.</summary>
    public Task LeaveAsync(CancellationToken cancellation)
    {
        lock (_stateLock)
        {
            return _leaving ??= LeaveOnceAsync(cancellation);
        }
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        try
        {
            await LeaveAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            // Also after a failed leave: a stopped node must not answer probes.
            await StopTransportAsync(cancellation).ConfigureAwait(false);
        }
    }

    private async Task StopTransportAsync(CancellationToken cancellation)
    {
        try
        {
            await _transport.StopAsync(cancellation).ConfigureAwait(false);
        }
        finally
        {
            foreach (var host in Hosts)
            {
                host.Dispose();
            }

            TrySetState(NodeState.Draining, NodeState.Stopped);
        }
    }

    private async Task LeaveOnceAsync(CancellationToken cancellation)
    {
        if (!TrySetState(NodeState.Ready, NodeState.Draining))
        {
            TrySetState(NodeState.Starting, NodeState.Draining);
        }

        // The shards may be busy: concurrent callers await the same task instead of blocking on the lock.
        await Task.Yield();
        await HandOverAsync().ConfigureAwait(false);
        foreach (var shards in _replicated.Values)
        {
            shards.Close();
        }

        var leaveFrames = new List<(string To, ClusterFrame Frame)>();
        foreach (var host in Hosts)
        {
            var leave = new ActionCommand((h, now, effects) =>
            {
                h.Shard.Leave(now, effects);
                leaveFrames.AddRange(effects.Frames.Select(f => (f.To!, h.Output.Encoded(f.Frame))));
                effects.Frames.Clear();
            });
            await host.Execute<ActionCommand, bool>(leave, always: true).ConfigureAwait(false);
        }

        using var timeout = new CancellationTokenSource(_options.LeaveTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        var results = await Task.WhenAll(leaveFrames.Select(f => LeaveAsync(f.To, f.Frame, either.Token)))
            .ConfigureAwait(false);
        var acknowledged = results.Count(isAcknowledged => isAcknowledged);
        _log.Left(Name, acknowledged, results.Length);
    }

    private async Task HandOverAsync()
    {
        var (handedOver, all) = await _sessions.HandOverAsync(_options.LeaveTimeout).ConfigureAwait(false);
        if (all > 0)
        {
            _log.HandedOver(Name, handedOver, all);
        }
    }

    private async Task<bool> LeaveAsync(string node, ClusterFrame frame, CancellationToken timeout)
    {
        try
        {
            // A stop must not depend on a transport that ignores its cancellation token.
            var request = _transport.RequestAsync(node, frame, timeout).AsTask();
            return await request.WaitAsync(timeout).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            _log.LeaveFrameFailed(node, e);
            return false;
        }
    }
}
