using System.Diagnostics;

namespace Presence.Benchmarks.Sockets;

/// <summary>Sends messages to one topic and records their arrival at each client.</summary>
internal sealed class Arrivals
{
    private readonly ILoadClient[] _clients;
    private readonly string _topic;
    private readonly long[] _times;
    private TaskCompletionSource _all = new();
    private int _expected;
    private int _received;

    public Arrivals(ILoadClient[] clients, string topic)
    {
        (_clients, _topic) = (clients, topic);
        _times = new long[clients.Length];
        foreach (var client in clients)
        {
            client.Received = OnReceived;
        }
    }

    /// <summary>Sends messages one by one, each after all clients received the previous one.</summary>
    /// <returns>Milliseconds from the push to each arrival.</returns>
    public async Task<List<double>> OfAsync(int messages, int pause)
    {
        var milliseconds = new List<double>(messages * _clients.Length);
        for (var i = 0; i < messages; i++)
        {
            await Task.Delay(pause);
            Expect(_clients.Length);
            var begun = Stopwatch.GetTimestamp();
            Push(i);
            await _all.Task.WaitAsync(TimeSpan.FromSeconds(30));
            milliseconds.AddRange(_times.Select(time => Stopwatch.GetElapsedTime(begun, time).TotalMilliseconds));
        }

        return milliseconds;
    }

    /// <summary>Sends all messages at once; completes when all clients have received all of them.</summary>
    public Task BurstAsync(int messages)
    {
        Expect(messages * _clients.Length);
        for (var i = 0; i < messages; i++)
        {
            Push(i);
        }

        return _all.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    private void Push(int number) => _clients[number % _clients.Length].Push(_topic, number);

    private void Expect(int count)
    {
        _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _received = 0;
        _expected = count;
    }

    private void OnReceived(long time)
    {
        var number = Interlocked.Increment(ref _received);
        _times[(number - 1) % _times.Length] = time;
        if (number == _expected)
        {
            _all.TrySetResult();
        }
    }
}
