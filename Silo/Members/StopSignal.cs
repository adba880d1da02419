using System.Runtime.InteropServices;

namespace Presence.Silo;

/// <summary>Ctrl-C or SIGTERM, once: the first begins the graceful stop, the second ends the process as usual.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _token = new();
    private readonly List<PosixSignalRegistration> _registrations = [];

    public StopSignal()
    {
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT })
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = _asked.TrySetResult();
                _token.Cancel();
            }));
        }
    }

    public Task Asked => _asked.Task;

    /// <summary>The same, for what takes a token.</summary>
    public CancellationToken Token => _token.Token;

    public void Dispose()
    {
        _registrations.ForEach(registration => registration.Dispose());
        _token.Dispose();
    }
}
