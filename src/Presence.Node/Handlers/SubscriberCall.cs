using Microsoft.Extensions.Logging;
using Presence.Node.Hosting;

namespace Presence.Node.Handlers;

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
                if (instruments.HandlerFailed(out var count))
                {
                    log.SubscriberFailed(count, LogText.Escape(e));
                }
            }
            catch (Exception)
            {
                // An unhandled exception of the logger on a pool thread would end the process.
            }
        }
    }
}
