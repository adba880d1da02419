using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Presence.Harness.Processes;

/// <summary>A process that a test has started: its output, signals to it, and its guaranteed end.</summary>
public sealed class OwnedProcess : IAsyncDisposable
{
    private const int MaxLines = 20_000;
    private const int NoSuchProcess = 3;

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<string> _onLine;
    private int _openOutputs = 2;

    private OwnedProcess(Process process, Action<string> onLine) => (_process, _onLine) = (process, onLine);

    public int Id { get; private set; }

    /// <summary>Completes when the process has ended.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Completes when all output has been read, which may be shortly after its end.</summary>
    public Task Drained => _drained.Task;

    public bool HasEnded => _ended.Task.IsCompleted;

    /// <summary>137 after SIGKILL, 143 after a SIGTERM that it did not handle.</summary>
    public int ExitCode => _process.ExitCode;

    /// <summary>Gets its last output, at most 20,000 lines.</summary>
    public string Output => string.Join('\n', _lines);

    /// <param name="start">Program, arguments, folder and environment; its output is collected.</param>
    /// <param name="onLine">Called with each line of output.</param>
    public static OwnedProcess Start(ProcessStartInfo start, Action<string>? onLine = null)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        var owned = new OwnedProcess(new Process { StartInfo = start }, onLine ?? (_ => { }));
        owned.Begin();
        return owned;
    }

    /// <summary>Sends a signal; has no effect if the process has ended.</summary>
    public void Signal(UnixSignal signal)
    {
        if (!HasEnded)
        {
            Signal(Id, signal);
        }
    }

    /// <summary>Sends a signal to a child of an owned process; has no effect if it has ended.</summary>
    public static void Signal(int process, UnixSignal signal)
    {
        if (Kill(process, (int)signal) != 0 && Marshal.GetLastPInvokeError() is var error and not NoSuchProcess)
        {
            throw new Win32Exception(error);
        }
    }

    /// <exception cref="TimeoutException">It did not end; the message has its output.</exception>
    public async Task<TimeSpan> WaitForEndAsync(TimeSpan within)
    {
        var clock = Stopwatch.StartNew();
        try
        {
            await Ended.WaitAsync(within);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"The process did not end within {within.TotalSeconds:0.#} s.\n{Output}", e);
        }

        return clock.Elapsed;
    }

    /// <summary>Kills it, even if it is suspended.</summary>
    public async Task KillAsync()
    {
        if (!HasEnded)
        {
            _process.Kill();
        }

        await WaitForEndAsync(TimeSpan.FromSeconds(30));
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _process.Dispose();
    }

    private void Begin()
    {
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.EnableRaisingEvents = true;
        _process.Exited += (_, _) =>
        {
            Reaper.Ended(Id);
            _ended.TrySetResult();
        };
        _process.Start();
        Id = _process.Id;
        if (!_process.HasExited)
        {
            Reaper.Watch(Id);
        }

        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            if (Interlocked.Decrement(ref _openOutputs) == 0)
            {
                _drained.TrySetResult();
            }

            return;
        }

        _lines.Enqueue(line);
        while (_lines.Count > MaxLines && _lines.TryDequeue(out _))
        {
        }

        _onLine(line);
    }

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int Kill(int process, int signal);
}

/// <summary>Signal numbers on Linux.</summary>
public enum UnixSignal
{
    Interrupt = 2,
    Quit = 3,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}
