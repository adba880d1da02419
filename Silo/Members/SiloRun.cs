using System.Net.Sockets;
using Microsoft.Extensions.Options;
using Presence.Dashboard;
using Presence.Postgres;

namespace Presence.Silo;

/// <summary>The members of this process and what they share: engine, signing keys, admin password, the draining flag.</summary>
internal sealed class SiloRun
{
    private readonly List<Member> _members = [];
    private readonly TaskCompletionSource _allStop = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _stopping;

    private SiloRun(SiloConfiguration configuration, SiloOptions options, EngineChoice engine)
    {
        Configuration = configuration;
        Options = options;
        Engine = engine;
        Keys = TokenKeys.Create(options, IsDevelopment);
        if (options.Admin.Password is null && IsDevelopment)
        {
            options.Admin.Password = GeneratedPassword = PresenceAdminPassword.Generate();
        }
    }

    public SiloConfiguration Configuration { get; }

    public SiloOptions Options { get; }

    public EngineChoice Engine { get; }

    public TokenKeys Keys { get; }

    /// <summary>The password that was made up for this run; null if one is configured, or none may be made up.</summary>
    public string? GeneratedPassword { get; }

    public bool IsDevelopment => Configuration.Environment == Environments.Development;

    /// <summary>Whether the run is on its way down: no member is ready any more.</summary>
    public bool Draining { get; private set; }

    public IReadOnlyList<Member> Members => _members;

    public static SiloRun Create(SiloConfiguration configuration, SiloOptions options, EngineChoice engine) =>
        new(configuration, options, engine);

    /// <summary>Starts all members; if one cannot start, stops those that did.</summary>
    /// <exception cref="SiloStartException">An address is taken or not allowed, or the engine cannot start.</exception>
    public async Task StartAsync(Task stopAsked)
    {
        try
        {
            await Engine.Engine.PrepareAsync();
            for (var number = 1; number <= Options.Nodes && !stopAsked.IsCompleted; number++)
            {
                var member = Member.Build(this, number);
                _members.Add(member);
                await member.StartAsync();
            }
        }
        catch (PresencePostgresException e)
        {
            await StopAsync(TimeSpan.FromSeconds(1));
            throw new SiloStartException(e.Message.ReplaceLineEndings(" "));
        }
        catch (Exception e) when (CannotListen(e) is { } reason)
        {
            var urls = _members is [.., var last] ? last.Urls : "";
            await StopAsync(TimeSpan.FromSeconds(1));
            throw new SiloStartException($"Cannot listen on {urls}: {reason}.");
        }
        catch (OptionsValidationException e)
        {
            await StopAsync(TimeSpan.FromSeconds(1));
            throw new SiloStartException(string.Join(" ", e.Failures));
        }
        catch (Exception e) when (e is not (SiloStartException or OutOfMemoryException) && _members is [.., var failed])
        {
            await StopAsync(TimeSpan.FromSeconds(1));
            throw new SiloStartException(
                $"Member {failed.Name} cannot start on engine {Engine.Name}: {e.GetBaseException().Message}".ReplaceLineEndings(" "));
        }
    }

    /// <summary>Stops all members side by side; what is not done in time is left behind.</summary>
    public async Task StopAsync(TimeSpan within)
    {
        Draining = true;
        using var limit = new CancellationTokenSource(within);
        await Task.WhenAll(_members.Select(member => member.StopAsync(limit.Token)));
    }

    /// <summary>Called by each member when it begins to stop; completes when all have called.</summary>
    public Task AllStopAsync()
    {
        if (Interlocked.Increment(ref _stopping) >= _members.Count)
        {
            _allStop.TrySetResult();
        }

        return _allStop.Task;
    }

    private static string? CannotListen(Exception e)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }:
                case Microsoft.AspNetCore.Connections.AddressInUseException:
                    return "the address is already in use; stop what listens there or choose another with --urls";
                case SocketException { SocketErrorCode: SocketError.AccessDenied }:
                    return "this user may not listen there; choose a port above 1023 with --urls";
                case SocketException socket:
                    return socket.Message;
            }
        }

        return null;
    }
}
