using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Presence.Benchmarks.Sockets;

/// <summary>The server process: its address, memory and processor time.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, int port)
    {
        _process = process;
        Address = new IPEndPoint(IPAddress.Loopback, port);
    }

    public IPEndPoint Address { get; }

    /// <summary>Physical memory in bytes.</summary>
    public long Resident
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Processor time since the start, in seconds.</summary>
    public double Processor
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <summary>Starts this program as the server of a verb.</summary>
    public static Task<ServerProcess> StartAsync(string verb = ChannelHost.Verb)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!);
        // Server GC, as the host ships; DOTNET_gcServer=0 measures Workstation GC.
        start.Environment.TryAdd("DOTNET_gcServer", "1");

        // Starts this program again, as "dotnet X.dll" or as an executable, with the server argument.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(ServerProcess).Assembly.Location);
        }

        start.ArgumentList.Add(verb);
        return StartAsync(start);
    }

    /// <summary>Starts a server that prints its port and ends with its standard input.</summary>
    public static async Task<ServerProcess> StartAsync(ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        var process = Process.Start(start)!;
        var port = await process.StandardOutput.ReadLineAsync()
            ?? throw new InvalidOperationException("The server ended before it listened.");
        return new ServerProcess(process, int.Parse(port, CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit(TimeSpan.FromSeconds(10));
        _process.Dispose();
    }
}
