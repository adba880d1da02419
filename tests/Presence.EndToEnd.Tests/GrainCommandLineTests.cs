using Presence.CommandLine;

namespace Presence.EndToEnd.Tests;

/// <summary><c>Client --orleans</c> against two silos.</summary>
[Trait("Category", "Cluster")]
public sealed class GrainCommandLineTests
{
    [Fact]
    public async Task Presence_tracked_through_one_silo_is_listed_through_another_until_it_ends()
    {
        await using var silo = await SiloProcess.StartAsync(["--nodes", "2"]);
        var (first, second) = ($"127.0.0.1:{silo.Gateways[0]}", $"127.0.0.1:{silo.Gateways[1]}");
        using var stop = new CancellationTokenSource();
        using var tracked = new Lines();
        var tracking = ClientProgram.RunAsync(
            ["track", "lobby", "ann", "--meta", """{"at":"the bar"}""", "--orleans", "--gateway", first],
            new ClientConsole(tracked, Console.Error),
            stop.Token);
        Assert.StartsWith("ann is present in lobby", await tracked.NextAsync(), StringComparison.Ordinal);

        var output = "";
        await TestTimeouts.UntilAsync("the other silo lists her", TimeSpan.FromSeconds(30), async () =>
        {
            (var status, output) = await RunAsync("list", "lobby", "--json", "--orleans", "--gateway", second);
            Assert.Equal(0, status);
            return output.Length > 0;
        });
        Assert.Contains(
            "\"key\":\"ann\",\"metas\":[{\"at\":\"the bar\",\"phx_ref\":\"", output, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("get", "lobby", "bob", "--orleans", "--gateway", first)).Status);

        await stop.CancelAsync();
        Assert.Equal(0, await tracking);
        Assert.Equal((0, ""), await RunAsync("list", "lobby", "--orleans", "--gateway", first));
    }

    [Fact]
    public async Task Command_fails_with_a_reason_without_a_silo()
    {
        using var error = new StringWriter();
        var console = new ClientConsole(TextWriter.Null, error);
        var status = await ClientProgram.RunAsync(
            ["list", "lobby", "--orleans", "--gateway", "127.0.0.1:1"], console, default);
        Assert.Equal(1, status);
        Assert.StartsWith("error: no silo's gateway answers", error.ToString(), StringComparison.Ordinal);
    }

    private static async Task<(int Status, string Output)> RunAsync(params string[] args)
    {
        using var output = new StringWriter();
        var status = await ClientProgram.RunAsync(args, new ClientConsole(output, TextWriter.Null), default);
        return (status, output.ToString());
    }

    /// <summary>Collects the output of a command by line.</summary>
    private sealed class Lines : StringWriter
    {
        private readonly System.Threading.Channels.Channel<string> _lines =
            System.Threading.Channels.Channel.CreateUnbounded<string>();

        public override void WriteLine(string? value) => _lines.Writer.TryWrite(value ?? "");

        public async Task<string> NextAsync() =>
            await _lines.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
    }
}
