using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Presence.Silo;

namespace Presence.EndToEnd.Tests;

[Collection(nameof(OrleansMembers))]
[Trait("Category", "Engine.Orleans")]
public sealed class Silos_that_cannot_start
{
    private static readonly string[] AnyPort = ["--engine", "orleans", "--urls", "http://127.0.0.1:0"];

    [Theory]
    [InlineData("Engine orleans: the HTTP port 60000 gives 67111 for Presence:Orleans:SiloPort, which is no port", "--urls", "http://127.0.0.1:60000")]
    [InlineData("Engine orleans: the HTTP port 40000 gives 66000 for Presence:Orleans:GatewayPort", "--urls", "http://127.0.0.1:40000", "--Presence:Orleans:SiloPort", "40001", "--Presence:Orleans:Primary", "127.0.0.1:40001")]
    [InlineData("Presence:Orleans:SiloPort is '99999': it must be a port", "--Presence:Orleans:SiloPort", "99999")]
    [InlineData("Presence:Orleans:Kubernetes is true and ConnectionStrings:Presence is not set", "--Presence:Orleans:Kubernetes", "true")]
    [InlineData("Engine orleans: member node-1 cannot listen on 203.0.113.1:", "--Presence:Orleans:AdvertisedAddress", "203.0.113.1")]
    [InlineData("Presence:Orleans:Prmary is not an option", "--Presence:Orleans:Prmary", "127.0.0.1:1")]
    [InlineData("--create-schema: ConnectionStrings:Presence is not set", "--create-schema")]
    public async Task Say_in_one_line_what_is_wrong_with_their_settings(string says, params string[] arguments)
    {
        var result = await SiloProcess.RunAsync([.. AnyPort, .. arguments]);
        Fails(says, result);
    }

    [Fact]
    public async Task Name_the_primary_that_does_not_answer_and_what_to_do()
    {
        var result = await SiloProcess.RunAsync([.. AnyPort, "--Presence:Orleans:Primary", "127.0.0.1:1"]);
        Fails("Engine orleans: no primary silo answers at 127.0.0.1:1. ", result);
        Assert.Contains("Presence:Orleans:Primary", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Name_the_silo_port_that_is_taken()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var result = await SiloProcess.RunAsync([.. AnyPort, "--Presence:Orleans:SiloPort", $"{port}"]);
        Fails($"Engine orleans: member node-1 cannot listen on 127.0.0.1:{port}, its Presence:Orleans:SiloPort: ", result);
        Assert.DoesNotContain("fail:", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Do_not_wait_for_a_primary_when_told_to_stop()
    {
        var settings = new Dictionary<string, string?>
        {
            ["urls"] = "http://127.0.0.1:0",
            ["Presence:Engine"] = "orleans",
            ["Presence:Orleans:Primary"] = "127.0.0.1:1",
        };
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(settings).Build();
        var options = SiloOptions.Read(configuration);
        var run = SiloRun.Create(new SiloConfiguration(configuration, "Development", Places.HostContent), options, EngineChoice.Decide(options));
        using var stop = new CancellationTokenSource();
        var starting = run.StartAsync(stop.Token);
        Assert.False(starting.IsCompleted);
        await stop.CancelAsync();
        Assert.False(await starting.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    private static void Fails(string says, CommandResult result)
    {
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"error: {says}", result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.Trim().Split('\n'));
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }
}
