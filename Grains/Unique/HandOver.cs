using Microsoft.Extensions.DependencyInjection;
using Presence.Node;

namespace Presence.Grains.Unique;

/// <summary>Passes on what a grain was asked for to whoever runs the process on this member.</summary>
internal static class HandOver
{
    /// <summary>The directory is looked for late: it is what made the arbiter.</summary>
    public static void Request(IServiceProvider services, string name)
    {
        try
        {
            services.GetRequiredService<IUniqueProcessDirectory>().RequestHandOver(name);
        }
        catch (ArgumentException)
        {
            // Not announced yet; the seat is told again when it attends next.
        }
    }
}
