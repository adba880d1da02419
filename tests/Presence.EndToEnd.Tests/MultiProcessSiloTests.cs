namespace Presence.EndToEnd.Tests;

[Trait("Category", "Cluster")]
public sealed class MultiProcessSiloTests
{
    [Fact]
    public async Task Silos_join_through_the_primary_and_leave()
    {
        await using var primary = await SiloProcess.StartAsync(["--Presence:NodeName", "node-1"]);
        await using var second = await SiloProcess.StartAsync(
            ["--Presence:Orleans:Primary", $"127.0.0.1:{primary.SiloPorts[0]}", "--Presence:NodeName", "node-2"]);
        await primary.UntilNodesAsync("node-1", "node-2");
        await second.UntilNodesAsync("node-1", "node-2");
        var took = await second.TerminateAsync();
        Assert.Equal(0, second.ExitCode);
        Assert.True(took < TimeSpan.FromSeconds(5), $"took {took}:\n{second.Output}");
        await primary.UntilNodesAsync("node-1");
    }

    [Fact]
    public async Task Silo_needs_only_a_port_and_prints_how_others_join()
    {
        var cluster = $"test-{Guid.NewGuid():n}";
        var port = FindPorts(1);
        await using var first = await SiloProcess.StartAsync(
            ["--urls", $"http://127.0.0.1:{port}", "--Presence:Orleans:ClusterId", cluster]);
        Assert.Contains("this process forms a cluster of its own", first.Output, StringComparison.Ordinal);
        Assert.Contains(
            $"others join with --Presence:Orleans:Primary 127.0.0.1:{first.SiloPorts[0]}", first.Output,
            StringComparison.Ordinal);
        await first.UntilNodesAsync($"node-{port - 3999}");
    }

    [Fact]
    public async Task Silo_that_is_not_the_primary_is_rejected()
    {
        await using var others = await SiloProcess.StartAsync(["--nodes", "2"]);
        var result = await SiloProcess.RunAsync(
            ["--urls", "http://127.0.0.1:0", "--Presence:Orleans:Primary", $"127.0.0.1:{others.SiloPorts[1]}"]);
        Assert.Equal(1, result.ExitCode);
        HostInProcess.Fails(
            $"The silo at 127.0.0.1:{others.SiloPorts[1]} is not the primary silo of its cluster.", result.Error);
    }

    [SkippableFact]
    public async Task Silo_on_the_default_port_is_found()
    {
        Skip.IfNot(
            IsFree(PrimarySilo.Default.Port),
            $"Port {PrimarySilo.Default.Port}, that of the default primary, is taken on this machine.");
        string[] cluster = ["--Presence:Orleans:ClusterId", $"test-{Guid.NewGuid():n}"];
        await using var primary = await SiloProcess.StartAsync(
            [.. cluster, "--Presence:NodeName", "node-1", "--Presence:Orleans:SiloPort",
                $"{PrimarySilo.Default.Port}"]);
        await using var second = await SiloProcess.StartAsync(
            [.. cluster, "--Presence:NodeName", "node-2", "--urls", $"http://127.0.0.1:{FindPorts(1)}"]);
        await primary.UntilNodesAsync("node-1", "node-2");
        Assert.Contains(
            $"Joining the cluster of the silo at {PrimarySilo.Default}.", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Process_whose_node_must_stop_ends_with_status_1()
    {
        await using var first = await SiloProcess.StartAsync(["--Presence:NodeName", "node-1"]);
        await using var second = await SiloProcess.StartAsync(
            ["--Presence:Orleans:Primary", $"127.0.0.1:{first.SiloPorts[0]}", "--Presence:NodeName", "node-1"]);
        var ended = await Task.WhenAny(first.Ended, second.Ended).WaitAsync(TimeSpan.FromSeconds(60));
        var failed = ended == first.Ended ? first : second;
        Assert.Equal(1, failed.ExitCode);
        Assert.Contains("Node node-1 has failed", failed.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Silos_of_one_process_listen_on_consecutive_ports()
    {
        var port = FindPorts(3);
        await using var host = await SiloProcess.StartAsync(["--nodes", "3", "--urls", $"http://127.0.0.1:{port}"]);
        Assert.Equal([port, port + 1, port + 2], host.Nodes.Select(m => new Uri(m).Port));
        using var http = new HttpClient();
        foreach (var node in host.Nodes)
        {
            using var response = await http.GetAsync(new Uri(new Uri(node), "/health/ready"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    /// <summary>
    /// Returns the first of consecutive HTTP ports. Neither they nor the ports of silo and gateway, which are derived
    /// from them, are among those that the system gives to connections.
    /// </summary>
    private static int FindPorts(int count) => FreePorts.Find(count, from: 5000, below: 6000);

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
