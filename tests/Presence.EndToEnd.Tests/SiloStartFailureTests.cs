using Presence.Silo.Configuration;
using Presence.Silo.Nodes;

namespace Presence.EndToEnd.Tests;

public sealed class SiloStartFailureTests
{
    [Theory]
    [InlineData("Presence:Orleans:SiloPort is '99999': it must be a port", "--Presence:Orleans:SiloPort", "99999")]
    [InlineData("Presence:Orleans:Kubernetes is true without ConnectionStrings:Presence",
        "--Presence:Orleans:Kubernetes", "true")]
    [InlineData("Presence:Orleans:AdvertisedAddress is '203.0.113.1' without ConnectionStrings:Presence",
        "--Presence:Orleans:AdvertisedAddress", "203.0.113.1")]
    [InlineData("Presence:Orleans:Prmary is not an option", "--Presence:Orleans:Prmary", "127.0.0.1:1")]
    [InlineData("--create-schema: ConnectionStrings:Presence is not set", "--create-schema")]
    public Task Settings_errors_are_reported_in_one_line(string expected, params string[] arguments) =>
        HostInProcess.FailsAsync(
            expected, ["--urls", "http://127.0.0.1:0", "--environment", "Development", .. arguments]);

    [Fact]
    public async Task Configured_port_in_use_is_reported_before_the_start()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        string[] any =
            ["--urls", "http://127.0.0.1:0", "--environment", "Development", "--Presence:Orleans:SiloPort", $"{port}"];
        await HostInProcess.FailsAsync($"Presence:Orleans:SiloPort: cannot listen on 127.0.0.1:{port}: ", any);
    }

    [SkippableTheory]
    [InlineData("localhost", "::1")]
    [InlineData("[::]", "127.0.0.1")]
    [InlineData("*", "::1")]
    [InlineData("127.0.0.1", "127.0.0.1")]
    public async Task Address_of_a_later_silo_in_use_is_reported_before_the_start(string host, string where)
    {
        Skip.IfNot(Socket.OSSupportsIPv6, "This machine has no IPv6.");
        var first = FreePorts.Find(3);
        using var taken = new TcpListener(IPAddress.Parse(where), first + 2);
        taken.Start();
        using var output = new StringWriter();
        using var error = new StringWriter();
        string[] arguments = ["--nodes", "3", "--urls", $"http://{host}:{first}", "--environment", "Development"];
        Assert.Equal(1, await SiloProgram.RunAsync(arguments, output, error));
        HostInProcess.Fails($"Cannot listen on http://{host}:{first + 2}: the address is already in use; ", $"{error}");
        Assert.Empty(output.ToString());
    }

    [Fact]
    public async Task Stop_ends_the_wait_for_a_primary()
    {
        var configuration = SiloConfiguration.Load(SiloArguments.Parse(
            ["--urls", "http://127.0.0.1:0", "--environment", "Development", "--Presence:Orleans:Primary",
                "127.0.0.1:1"]));
        var run = SiloRun.Create(configuration, SiloOptions.Read(configuration.Settings), TextWriter.Null);
        using var stop = new CancellationTokenSource();
        var starting = run.StartAsync(stop.Token);
        Assert.False(starting.IsCompleted);
        await stop.CancelAsync();
        Assert.False(await starting.WaitAsync(TimeSpan.FromSeconds(10)));
    }
}
