namespace Presence.Node;

/// <summary>Something that runs on one member of the cluster at a time.</summary>
/// <remarks>
/// A new instance is made for every term, in a service scope of its own. Classes that implement
/// <see cref="Microsoft.Extensions.Hosting.IHostedService"/>, such as every <c>BackgroundService</c>, can be used as they are; they
/// may ask for the <see cref="UniqueProcessContext"/> in their constructor.
/// </remarks>
public interface IUniqueProcess
{
    /// <summary>Runs until done or until <see cref="UniqueProcessContext.Stopping"/>. To return is to end the term.</summary>
    Task RunAsync(UniqueProcessContext context);
}

/// <summary>The processes that are unique together: started in order on one member, stopped in reverse.</summary>
public sealed class UniqueProcessGroup
{
    private readonly List<Type> _types = [];

    internal IReadOnlyList<Type> Types => _types;

    /// <summary>Adds one.</summary>
    /// <typeparam name="T">An <see cref="IUniqueProcess"/> or a hosted service, such as a <c>BackgroundService</c>.</typeparam>
    /// <exception cref="ArgumentException">It is neither.</exception>
    public UniqueProcessGroup Add<T>()
        where T : class
    {
        if (!typeof(IUniqueProcess).IsAssignableFrom(typeof(T)) && !typeof(Microsoft.Extensions.Hosting.IHostedService).IsAssignableFrom(typeof(T)))
        {
            throw new ArgumentException($"{typeof(T)} is neither an IUniqueProcess nor an IHostedService.");
        }

        _types.Add(typeof(T));
        return this;
    }
}
