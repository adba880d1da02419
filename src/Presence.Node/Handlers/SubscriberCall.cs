using Microsoft.Extensions.Logging;

namespace Presence.Node;

/// <summary>A call of foreign code whose exception is logged and counted.</summary>
internal static class SubscriberCall
{
    public static void Call<T>(this Action<T> subscriber, T item, NodeInstruments instruments, ILogger log)
    {
        try
        {
            subscriber(item);
        }
        catch (Exception e)
        {
            try
            {
                instruments.HandlerFailed();
                log.SubscriberFailed(e);
            }
            catch (Exception)
            {
                // The thread belongs to the pool: a log that fails as well must not end the program.
            }
        }
    }
}
