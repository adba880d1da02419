using Microsoft.AspNetCore.Http;

namespace Presence.Benchmarks.Hubs;

/// <summary>The least that a server-sent event can cost: one text for all readers, written by a loop of each.</summary>
internal sealed class RawEvents
{
    private volatile TaskCompletionSource<byte[]> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _number;

    public async Task StreamAsync(HttpContext http)
    {
        http.Response.ContentType = "text/event-stream";
        var next = _next;
        await http.Response.Body.WriteAsync("event: state\ndata: {}\n\n"u8.ToArray(), http.RequestAborted);
        await http.Response.Body.FlushAsync(http.RequestAborted);
        while (!http.RequestAborted.IsCancellationRequested)
        {
            var bytes = await next.Task.WaitAsync(http.RequestAborted);
            next = _next;
            await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
        }
    }

    public void Publish(string data)
    {
        var text = $"id: {Interlocked.Increment(ref _number)}\nevent: diff\ndata: {data}\n\n";
        var published = _next;
        _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
        published.SetResult(System.Text.Encoding.UTF8.GetBytes(text));
    }
}
