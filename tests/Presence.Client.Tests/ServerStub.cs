using System.Text;
using Presence.Harness.Fakes;

namespace Presence.Client.Tests;

/// <summary>A server that records frames and sends the replies of the test, on the test's thread.</summary>
internal sealed class ServerStub : IPhoenixConnection
{
    public ServerStub(int maxPending = 1000) =>
        Socket = new PhoenixSocket(this, new PhoenixOptions { Time = Time, MaxPending = maxPending });

    public TestTime Time { get; } = new();

    public PhoenixSocket Socket { get; }

    public List<string> Sent { get; } = [];

    public bool IsAborted { get; private set; }

    /// <summary>Gets or sets whether the peer reads nothing: what is sent from now on waits for it.</summary>
    public bool IsStuck { get; set; }

    public Task SendAsync(PhoenixFrame frame)
    {
        Sent.Add(frame.IsBinary ? Convert.ToHexString(frame.Bytes.Span) : Encoding.UTF8.GetString(frame.Bytes.Span));
        return IsStuck ? new TaskCompletionSource().Task : Task.CompletedTask;
    }

    public Task CloseAsync()
    {
        if (IsStuck)
        {
            return new TaskCompletionSource().Task;
        }

        Socket.End("closed with 1000");
        return Task.CompletedTask;
    }

    public void Abort() => IsAborted = true;

    public void Push(string text) => Socket.Receive(new(Encoding.UTF8.GetBytes(text), false));

    public void Push(byte[] binary) => Socket.Receive(new(binary, true));

    public void Reply(string reference, string status = "ok", string response = "{}") => Push(
        $$"""["1","{{reference}}","t","phx_reply",{"status":"{{status}}","response":{{response}}}]""");

    public async Task<PhoenixChannel> JoinedAsync(Func<PhoenixChannel, PhoenixChannel>? listen = null)
    {
        var channel = Socket.Channel("t");
        listen?.Invoke(channel);
        var joining = channel.JoinAsync(new { page = "/" });
        Reply("1");
        await joining;
        return channel;
    }
}
