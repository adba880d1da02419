namespace Presence.Harness.Databases;

/// <summary>A PostgreSQL server that a test may stop, kill and pause. Not run by root.</summary>
/// <remarks>Runs without fsync, for speed: it survives the death of its processes, not of the machine.</remarks>
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

    /// <summary>The server's log since its last start.</summary>
    public string Log => _process?.Output ?? "";

    /// <summary>Skips the test with a reason, or fails it if <c>PRESENCE_REQUIRE</c> names postgres.</summary>
    public static void Require() => Requirement.Demand("postgres", PostgresBinaries.Missing);

    /// <summary>Returns the server shared by the tests of this process that do not disturb it.</summary>
    public static Task<PostgresServer> SharedAsync()
    {
        Require();
        return SharedServer.Value;
    }

    /// <summary>Creates and starts a server; takes about two seconds.</summary>
    public static async Task<PostgresServer> StartAsync(PostgresServerOptions? options = null)
    {
        Require();
        var folder = Directory.CreateTempSubdirectory("presence-pg-").FullName;
        Reaper.WatchFolder(folder);
        var server = new PostgresServer(
            folder, RandomNumberGenerator.GetHexString(32), options ?? new PostgresServerOptions());
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

    /// <summary>Returns the superuser's connection string for a database.</summary>
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

    /// <summary>Creates an empty database. Dispose it, or leave it to the end of the server.</summary>
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

    /// <summary>Returns the first value of the first row.</summary>
    public async Task<T> ReadAsync<T>(string sql)
    {
        await using var source = NpgsqlDataSource.Create(ConnectionString() + ";Pooling=false");
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>Stops it gracefully: closes all connections and needs no recovery.</summary>
    public Task StopAsync() => EndAsync(UnixSignal.Interrupt);

    /// <summary>Kills it; the next start recovers.</summary>
    public async Task KillAsync()
    {
        // Its children end by themselves, but not at once, and hold the shared memory until then.
        var children = Children();
        await EndAsync(UnixSignal.Kill);
        await TestTimeouts.UntilAsync(
            "the server's processes have ended", Patient, () => children.TrueForAll(HasEnded));
    }

    /// <summary>Suspends it: connections stay open without responses, as when its disk hangs.</summary>
    public void Pause() => SignalAll(UnixSignal.Stop);

    /// <summary>Resumes it after <see cref="Pause"/>.</summary>
    public void Continue() => SignalAll(UnixSignal.Continue);

    /// <summary>Restarts it on the same port, with the same data.</summary>
    public async Task StartAgainAsync()
    {
        if (Port != 0)
        {
            // A child that was started during the kill may hold the shared memory for a moment.
            await TestTimeouts.UntilAsync("the server starts again", Patient, () => TryStartAsync(Port));
            return;
        }

        for (var attempt = 1; ; attempt++)
        {
            var port = FreePorts.Find();
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
            // Without a checkpoint: the data is not needed any more.
            await EndAsync(UnixSignal.Quit);
        }

        await TestTimeouts.UntilAsync("the server's folder can be removed", Patient, TryRemoveFolder);
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
            await File.AppendAllTextAsync(
                Path.Combine(_folder, "data", "pg_hba.conf"), $"host all all {network} scram-sha-256\n");
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
        // The parent is suspended first and resumed last; otherwise it could start children meanwhile.
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

        using var pgrep = Process.Start(
            new ProcessStartInfo("pgrep", ["-P", $"{parent}"]) { RedirectStandardOutput = true })!;
        return [.. pgrep.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(int.Parse)];
    }

    private static bool HasEnded(int process)
    {
        // An orphan that was not reaped yet counts as ended.
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
            // A child may still write its statistics.
            return false;
        }
    }
}
