using Microsoft.Extensions.Logging;

namespace Presence.Node.Hosting;

/// <summary>Calls the handlers of a node failure; an exception on a pool thread would end the process.</summary>
internal static class NodeFailure
{
    public static void Raise(Action? handlers, string node, ILogger log)
    {
        foreach (var handler in handlers?.GetInvocationList() ?? [])
        {
            try
            {
                ((Action)handler)();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                log.StopRequestFailed(node, e);
            }
        }
    }
}
