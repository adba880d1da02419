using Microsoft.Extensions.Hosting;

namespace Presence.Node;

/// <summary>A process that runs on one node of the cluster at a time.</summary>
/// <remarks>
/// Each leadership creates a new instance in its own service scope. Hosted services, such as a
/// <c>BackgroundService</c>, can be used unchanged; their constructor may take the <see cref="UniqueProcessContext"/>.
/// </remarks>
public interface IUniqueProcess
{
    /// <summary>Runs until <see cref="UniqueProcessContext.StoppingToken"/>. Returning ends the leadership.</summary>
    Task RunAsync(UniqueProcessContext context);
}

/// <summary>Processes that run together on one node: started in order, stopped in reverse order.</summary>
public sealed class UniqueProcessGroup
{
    private readonly List<Type> _types = [];

    internal IReadOnlyList<Type> Types => _types;

    /// <summary>Adds a process.</summary>
    /// <typeparam name="T">
    /// An <see cref="IUniqueProcess"/> or a hosted service, such as a <c>BackgroundService</c>.
    /// </typeparam>
    /// <exception cref="ArgumentException"><typeparamref name="T"/> is neither.</exception>
    public UniqueProcessGroup Add<T>()
        where T : class
    {
        if (!typeof(IUniqueProcess).IsAssignableFrom(typeof(T)) && !typeof(IHostedService).IsAssignableFrom(typeof(T)))
        {
            throw new ArgumentException($"{typeof(T)} is neither an IUniqueProcess nor an IHostedService.");
        }

        _types.Add(typeof(T));
        return this;
    }
}
