using System.Runtime.InteropServices;

namespace Presence.Silo.Nodes;

/// <summary>Ctrl-C or SIGTERM: the first starts the graceful stop, the second ends the process.</summary>
internal sealed class ShutdownSignal : IDisposable
{
    private readonly CancellationTokenSource _requested = new();
    private readonly PosixSignalRegistration[] _registrations;

    public ShutdownSignal() => _registrations =
    [
        .. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGQUIT }.Select(
            signal => PosixSignalRegistration.Create(signal, OnSignal)),
    ];

    /// <summary>Gets the token that the first signal cancels.</summary>
    public CancellationToken Token => _requested.Token;

    public void Dispose()
    {
        Array.ForEach(_registrations, registration => registration.Dispose());
        _requested.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = !_requested.IsCancellationRequested;
        _requested.Cancel();
    }
}
