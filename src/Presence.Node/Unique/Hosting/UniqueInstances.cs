using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Presence.Node.Unique.Hosting;

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

    /// <summary>Starts the instances in order; completes, or fails, with the first of them that ends.</summary>
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
            // Added before its start, so that it is stopped and disposed if the start fails.
            _started.Add((instance, Task.CompletedTask));
            await service.StartAsync(_context.StoppingToken).ConfigureAwait(false);
            var work = (service as BackgroundService)?.ExecuteTask;
            _started[^1] = (instance, work ?? Task.Delay(Timeout.Infinite, _context.StoppingToken));
        }

        await (await Task.WhenAny(_started.Select(s => s.Work)).ConfigureAwait(false)).ConfigureAwait(false);
    }

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
                // Reported by RunAsync already, or a consequence of the stop.
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

internal sealed class UniqueScope
{
    public UniqueProcessContext? Context { get; set; }
}
