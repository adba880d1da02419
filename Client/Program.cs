using Presence.CommandLine;

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    // The first Ctrl-C ends gracefully, the second at once.
    pressed.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
};
using var term = System.Runtime.InteropServices.PosixSignalRegistration.Create(
    System.Runtime.InteropServices.PosixSignal.SIGTERM,
    signal =>
    {
        signal.Cancel = true;
        stop.Cancel();
    });
return await ClientProgram.RunAsync(args, new ClientConsole(Console.Out, Console.Error), stop.Token);
