using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Presence.Node;

/// <summary>The instances of one term, in a service scope of their own.</summary>
internal sealed class UniqueInstances : IAsyncDisposable
{
    private readonly AsyncServiceScope _scope;
    private readonly IReadOnlyList<Type> _types;
    private readonly UniqueProcessContext _context;
    private readonly List<(object Instance, Task Work)> _started = [];

    public UniqueInstances(IServiceProvider services, IReadOnlyList<Type> types, UniqueProcessContext context)
    {
        _scope = services.CreateAsyncScope();
        _types = types;
        _context = context;
        _scope.ServiceProvider.GetRequiredService<UniqueScope>().Context = context;
    }

    /// <summary>Starts them in order; completes when the first of them has ended, or fails with its exception.</summary>
    public async Task RunAsync()
    {
        foreach (var type in _types)
        {
            var instance = ActivatorUtilities.CreateInstance(_scope.ServiceProvider, type);
            if (instance is IUniqueProcess process)
            {
                _started.Add((instance, Task.Run(() => process.RunAsync(_context))));
                continue;
            }

            var service = (IHostedService)instance;
            // Listed before it is started: one that fails half-way is stopped and disposed as the others are.
            _started.Add((instance, Task.CompletedTask));
            await service.StartAsync(_context.Stopping).ConfigureAwait(false);
            _started[^1] = (instance, (service as BackgroundService)?.ExecuteTask ?? Task.Delay(Timeout.Infinite, _context.Stopping));
        }

        await (await Task.WhenAny(_started.Select(s => s.Work)).ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary>Ends them in reverse order; completes when all have ended.</summary>
    public async Task StopAsync(CancellationToken cancellation)
    {
        for (var i = _started.Count - 1; i >= 0; i--)
        {
            if (_started[i].Instance is IHostedService service)
            {
                await service.StopAsync(cancellation).ConfigureAwait(false);
            }

            try
            {
                await _started[i].Work.ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Told already by whoever waited for the first end, or the consequence of having been asked to stop.
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        for (var i = _started.Count - 1; i >= 0; i--)
        {
            if (_started[i].Instance is IAsyncDisposable asynchronous)
            {
                await asynchronous.DisposeAsync().ConfigureAwait(false);
            }
            else
            {
                (_started[i].Instance as IDisposable)?.Dispose();
            }
        }

        await _scope.DisposeAsync().ConfigureAwait(false);
    }
}

/// <summary>Gives the context of a term to what is made for it.</summary>
internal sealed class UniqueScope
{
    public UniqueProcessContext? Context { get; set; }
}
