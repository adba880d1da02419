namespace Presence.Harness.Databases;

/// <summary>
/// A PostgreSQL server that a test may do anything to: a cluster of its own in a temporary folder, on a free port of one address,
/// run by a user who is not root.
/// </summary>
/// <remarks>It does not wait for the disk, so that tests are quick: it survives the death of its processes, not of the machine.</remarks>
public sealed class PostgresServer : IAsyncDisposable
{
    private const string Superuser = "presence_tests";
    private const int Attempts = 5;

    private static readonly TimeSpan Patient = TimeSpan.FromSeconds(60);
    private static readonly Lazy<Task<PostgresServer>> SharedServer = new(() => StartAsync());
    private static int s_databases;

    private readonly string _folder;
    private readonly string _password;
    private readonly PostgresServerOptions _options;
    private OwnedProcess? _process;

    private PostgresServer(string folder, string password, PostgresServerOptions options) =>
        (_folder, _password, _options) = (folder, password, options);

    public int Port { get; private set; }

    /// <summary>All that the server has written since it was last started.</summary>
    public string Log => _process?.Output ?? "";

    /// <summary>Skips the test with a reason, or fails it if <c>PRESENCE_REQUIRE</c> names postgres.</summary>
    public static void Require() => Requirement.Demand("postgres", PostgresBinaries.Missing);

    /// <summary>One server for all tests of this process that do it no harm; it ends with the process.</summary>
    public static Task<PostgresServer> SharedAsync()
    {
        Require();
        return SharedServer.Value;
    }

    /// <summary>Makes and starts a server; takes about two seconds.</summary>
    public static async Task<PostgresServer> StartAsync(PostgresServerOptions? options = null)
    {
        Require();
        var folder = Directory.CreateTempSubdirectory("presence-pg-").FullName;
        Reaper.WatchFolder(folder);
        var server = new PostgresServer(folder, RandomNumberGenerator.GetHexString(32), options ?? new PostgresServerOptions());
        try
        {
            await server.InitializeAsync();
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>How the superuser reaches a database.</summary>
    public string ConnectionString(string database = "postgres") => new NpgsqlConnectionStringBuilder
    {
        Host = _options.Address.ToString(),
        Port = Port,
        Database = database,
        Username = Superuser,
        Password = _password,
        Timeout = 5,
        CommandTimeout = 15,
    }.ConnectionString;

    /// <summary>Makes an empty database. Dispose of it, or leave it to the end of the server.</summary>
    public async Task<PostgresDatabase> CreateDatabaseAsync()
    {
        var name = $"t{Interlocked.Increment(ref s_databases)}";
        await RunAsync($"CREATE DATABASE {name} STRATEGY FILE_COPY");
        return new PostgresDatabase(this, name);
    }

    /// <summary>Runs a statement in the server's own database.</summary>
    public async Task RunAsync(string sql)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString() + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The first value of the first row.</summary>
    public async Task<T> ReadAsync<T>(string sql)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString() + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Stops it in order: it cuts all connections and leaves nothing to be recovered.</summary>
    public Task StopAsync() => EndAsync(UnixSignal.Interrupt);

    /// <summary>Kills it without a warning; the next start recovers.</summary>
    public async Task KillAsync()
    {
        // Its children notice that it is gone and end by themselves, but not at once, and hold the shared memory until then.
        var children = Children();
        await EndAsync(UnixSignal.Kill);
        await Patience.UntilAsync("the server's processes have ended", Patient, () => children.TrueForAll(HasEnded));
    }

    /// <summary>Holds it still: connections stay open and nothing is answered, as when its disk hangs.</summary>
    public void Pause() => SignalAll(UnixSignal.Stop);

    /// <summary>Lets it go on after <see cref="Pause"/>.</summary>
    public void Continue() => SignalAll(UnixSignal.Continue);

    /// <summary>Starts it again on the same port, with the same data.</summary>
    public async Task StartAgainAsync()
    {
        if (Port != 0)
        {
            // A child that was born while its parent was killed may still hold the shared memory: it notices, and ends.
            await Patience.UntilAsync("the server starts again", Patient, () => TryStartAsync(Port));
            return;
        }

        for (var attempt = 1; ; attempt++)
        {
            var port = FreePort(_options.Address);
            if (await TryStartAsync(port))
            {
                Port = port;
                return;
            }

            if (attempt == Attempts)
            {
                throw new InvalidOperationException($"PostgreSQL does not start.\n{Log}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasEnded: false })
        {
            Continue();
            // At once and without a checkpoint: nobody needs the data any more.
            await EndAsync(UnixSignal.Quit);
        }

        await Patience.UntilAsync("the server's folder can be removed", Patient, TryRemoveFolder);
    }

    private async Task InitializeAsync()
    {
        var secret = Path.Combine(_folder, "password");
        await File.WriteAllTextAsync(secret, _password);
        await Unprivileged.GiveAsync(_folder);
        var command = Unprivileged.CommandLine(
            PostgresBinaries.Installed!.Initdb,
            "--pgdata=" + Path.Combine(_folder, "data"),
            "--username=" + Superuser,
            "--pwfile=" + secret,
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
            "--no-instructions");
        var result = await Command.RunAsync(command[0], command.Skip(1), _folder, Patient);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"initdb failed: {result.Error}{result.Output}");
        }

        if (_options.AllowedNetwork is { } network)
        {
            await File.AppendAllTextAsync(Path.Combine(_folder, "data", "pg_hba.conf"), $"host all all {network} scram-sha-256\n");
        }
    }

    private async Task<bool> TryStartAsync(int port)
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = _options.Address.ToString(),
            ["port"] = port.ToString(CultureInfo.InvariantCulture),
            ["unix_socket_directories"] = "",
            ["max_connections"] = _options.MaxConnections.ToString(CultureInfo.InvariantCulture),
            ["fsync"] = "off",
            ["full_page_writes"] = "off",
            ["shared_buffers"] = "32MB",
            ["autovacuum_naptime"] = "10s",
        };
        foreach (var (name, value) in _options.Settings)
        {
            settings[name] = value;
        }

        var command = _options.Prefix.Concat(Unprivileged.CommandLine(
            [
                PostgresBinaries.Installed!.Postgres,
                "-D",
                Path.Combine(_folder, "data"),
                .. settings.SelectMany(setting => new[] { "-c", $"{setting.Key}={setting.Value}" }),
            ])).ToList();
        _process = OwnedProcess.Start(
            new ProcessStartInfo(command[0], command.Skip(1)) { WorkingDirectory = _folder },
            line =>
            {
                if (line.Contains("is ready to accept connections", StringComparison.Ordinal))
                {
                    ready.TrySetResult();
                }
            });
        await Task.WhenAny(ready.Task, _process.Ended).WaitAsync(Patient);
        return ready.Task.IsCompleted;
    }

    private async Task EndAsync(UnixSignal signal)
    {
        if (_process is { } process)
        {
            process.Signal(signal);
            await process.WaitForEndAsync(Patient);
        }
    }

    private void SignalAll(UnixSignal signal)
    {
        // The parent first when it is stopped, last when it goes on: meanwhile it could start children.
        var all = Children();
        all.Insert(signal == UnixSignal.Stop ? 0 : all.Count, _process!.Id);
        foreach (var process in all)
        {
            OwnedProcess.Signal(process, signal);
        }
    }

    private List<int> Children()
    {
        var parent = _process!.Id;
        var listed = $"/proc/{parent}/task/{parent}/children";
        if (File.Exists(listed))
        {
            return [.. File.ReadAllText(listed).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
        }

        using var pgrep = Process.Start(new ProcessStartInfo("pgrep", ["-P", $"{parent}"]) { RedirectStandardOutput = true })!;
        return [.. pgrep.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
    }

    private static bool HasEnded(int process)
    {
        // An orphan that nobody has buried yet is as good as gone.
        try
        {
            return !File.Exists($"/proc/{process}/stat")
                || File.ReadAllText($"/proc/{process}/stat").Split(") ")[^1].StartsWith('Z');
        }
        catch (IOException)
        {
            return true;
        }
    }

    private bool TryRemoveFolder()
    {
        try
        {
            Directory.Delete(_folder, recursive: true);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            // A last child may still write its statistics.
            return false;
        }
    }

    private static int FreePort(IPAddress address)
    {
        try
        {
            using var listener = new TcpListener(address, 0);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
        catch (SocketException)
        {
            // An address of another network namespace: nobody else listens there.
            return 5432;
        }
    }
}
