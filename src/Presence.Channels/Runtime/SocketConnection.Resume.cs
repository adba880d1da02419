using Presence.Node;

namespace Presence.Channels.Runtime;

/// <content>Resumes sessions until the connection closes.</content>
internal sealed partial class SocketConnection
{
    private CancellationTokenSource? _resuming;

    /// <summary>Resumes a session. Cancelled when this connection closes: the client may resume elsewhere.</summary>
    /// <returns>Null if it was cancelled, or if this node stops.</returns>
    public async ValueTask<ResumeResult?> ResumeAsync(ResumeToken token, PresenceSessionOptions options)
    {
        using var closing = CancellationTokenSource.CreateLinkedTokenSource(_transport.Disconnected);
        lock (_gate)
        {
            _resuming = closing;
            if (_ended)
            {
                CancelResume();
            }
        }

        try
        {
            return await Server.Node.ResumeAsync(token, options, closing.Token);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            lock (_gate)
            {
                _resuming = null;
            }
        }
    }

    private void CancelResume()
    {
        lock (_gate)
        {
            _ = _resuming?.CancelAsync();
        }
    }
}
