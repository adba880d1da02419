using System.Net;

namespace Presence.Benchmarks.Sockets;

/// <summary>A client of the load that receives broadcasts, in the protocol of its server.</summary>
internal interface ILoadClient : IDisposable
{
    /// <summary>Called with the arrival time of each broadcast, if they are awaited.</summary>
    Action<long>? Received { get; set; }

    Task ConnectAsync(IPEndPoint server);

    /// <summary>Joins a topic, if the protocol has topics; completes with the reply.</summary>
    Task JoinAsync(string topic);

    /// <summary>Sends a message that the server broadcasts to all clients of the topic.</summary>
    void Push(string topic, int number);
}
