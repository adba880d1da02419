using System.Threading.Channels;

namespace Presence.CommandLine.Tests;

/// <summary>The program, run in this process.</summary>
internal sealed class Run : IDisposable
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly Lines _out = new();
    private readonly Lines _error = new();
    private readonly Task<int> _status;

    private Run(string[] args) => _status = Task.Run(async () =>
    {
        try
        {
            return await ClientProgram.RunAsync(args, new ClientConsole(_out, _error), _stop.Token);
        }
        finally
        {
            _out.End();
            _error.End();
        }
    });

    public static Run Begin(params string[] args) => new(args);

    public static async Task<(int Status, string Output, string Error)> ToEndAsync(params string[] args)
    {
        using var run = new Run(args);
        var status = await run._status.WaitAsync(Timeout);
        return (status, run._out.All, run._error.All);
    }

    /// <summary>Returns the next line of the output that contains the text.</summary>
    public Task<string> LineAsync(string text) => _out.NextAsync(text, Timeout);

    /// <summary>Returns the next line of the error output that contains the text.</summary>
    public Task<string> ErrorLineAsync(string text) => _error.NextAsync(text, Timeout);

    /// <summary>Ctrl-C.</summary>
    public async Task<int> StopAsync()
    {
        await _stop.CancelAsync();
        return await _status.WaitAsync(Timeout);
    }

    public async Task<string> ErrorAtEndAsync()
    {
        await _status.WaitAsync(Timeout);
        return _error.All;
    }

    public void Dispose() => _stop.Dispose();

    private sealed class Lines : StringWriter
    {
        private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
        private readonly Lock _gate = new();

        public string All
        {
            get
            {
                lock (_gate)
                {
                    return ToString();
                }
            }
        }

        public override void WriteLine(string? value)
        {
            lock (_gate)
            {
                base.WriteLine(value);
            }

            _lines.Writer.TryWrite(value ?? "");
        }

        /// <summary>Fails those who wait for a line that does not come.</summary>
        public void End() => _lines.Writer.TryComplete();

        public async Task<string> NextAsync(string text, TimeSpan timeout)
        {
            using var limit = new CancellationTokenSource(timeout);
            while (true)
            {
                var line = await _lines.Reader.ReadAsync(limit.Token);
                if (line.Contains(text, StringComparison.Ordinal))
                {
                    return line;
                }
            }
        }
    }
}
