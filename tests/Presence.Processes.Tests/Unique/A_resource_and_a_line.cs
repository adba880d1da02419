using System.Net;
using System.Net.Sockets;
using Presence.Harness.Histories;
using Presence.Harness.Networks;
using Presence.Harness.Unique;

namespace Presence.Processes.Tests.Unique;

/// <summary>What the fault tests lean on: a resource that checks epochs, and a line that can be cut.</summary>
public sealed class A_resource_and_a_line
{
    [Theory]
    [InlineData(true, "refused")]
    [InlineData(false, "done")]
    public async Task A_resource_refuses_an_epoch_below_one_it_has_seen_if_it_checks_and_writes_every_attempt_down(bool checks, string answer)
    {
        var history = new History();
        await using var resource = new FencedResource(history, checks: checks);
        using var client = await Client.ConnectAsync(resource.EndPoint);

        Assert.Equal("done", await client.AskAsync("p m1/1 1 1"));
        Assert.Equal("done", await client.AskAsync("p m2/1 2 1"));
        Assert.Equal(answer, await client.AskAsync("p m1/1 1 2"));
        Assert.Equal("done", await client.AskAsync("other m1/2 1 1"));
        Assert.Equal("done", await client.AskAsync("p m2/1 2 2"));

        Assert.Equal(
            [("m1/1", true), ("m2/1", true), ("m1/1", !checks), ("m1/2", true), ("m2/1", true)],
            history.Events.OfType<EffectTried>().Select(effect => (effect.Term, effect.IsAccepted)));
        Assert.Equal(
            checks ? [] : [FindingKind.OldEpochAccepted],
            HistoryChecker.Check(history.Events).Select(finding => finding.Kind));
    }

    [Fact]
    public async Task What_is_sent_over_a_cut_line_arrives_in_order_after_the_heal()
    {
        var history = new History();
        await using var resource = new FencedResource(history);
        await using var relay = new Relay(resource.EndPoint);
        using var client = await Client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, relay.Port));
        Assert.Equal("done", await client.AskAsync("p m1/1 1 1"));

        relay.Cut();
        var second = client.AskAsync("p m1/1 1 2");
        using var beside = await Client.ConnectAsync(resource.EndPoint);
        Assert.Equal("done", await beside.AskAsync("p m2/1 2 1"));
        Assert.False(second.IsCompleted);
        relay.Heal();

        Assert.Equal("refused", await second);
        Assert.Equal([1, 1, 2], history.Events.OfType<EffectTried>().Select(effect => effect.Sequence));
    }

    private sealed class Client(TcpClient client) : IDisposable
    {
        private readonly StreamReader _reader = new(client.GetStream());
        private readonly StreamWriter _writer = new(client.GetStream()) { AutoFlush = true, NewLine = "\n" };

        public static async Task<Client> ConnectAsync(IPEndPoint where)
        {
            var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync(where);
            return new Client(client);
        }

        public async Task<string?> AskAsync(string line)
        {
            await _writer.WriteLineAsync(line);
            return await _reader.ReadLineAsync().WaitAsync(TimeSpan.FromSeconds(20));
        }

        public void Dispose() => client.Dispose();
    }
}
