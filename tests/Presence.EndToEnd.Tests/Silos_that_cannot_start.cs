namespace Presence.EndToEnd.Tests;

public sealed class Silos_that_cannot_start
{
    [Theory]
    [InlineData("Presence:Orleans:SiloPort is '99999': it must be a port", "--Presence:Orleans:SiloPort", "99999")]
    [InlineData("Presence:Orleans:Kubernetes is true and ConnectionStrings:Presence is not set", "--Presence:Orleans:Kubernetes", "true")]
    [InlineData("Presence:Orleans:AdvertisedAddress is '203.0.113.1' and ConnectionStrings:Presence is not set", "--Presence:Orleans:AdvertisedAddress", "203.0.113.1")]
    [InlineData("Presence:Orleans:Prmary is not an option", "--Presence:Orleans:Prmary", "127.0.0.1:1")]
    [InlineData("--create-schema: ConnectionStrings:Presence is not set", "--create-schema")]
    public Task Say_in_one_line_what_is_wrong_with_their_settings(string says, params string[] arguments) =>
        HostInProcess.FailsAsync(says, ["--urls", "http://127.0.0.1:0", "--environment", "Development", .. arguments]);

    [Fact]
    public async Task Name_the_configured_port_that_is_taken_before_anything_starts()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        string[] any = ["--urls", "http://127.0.0.1:0", "--environment", "Development", "--Presence:Orleans:SiloPort", $"{port}"];
        await HostInProcess.FailsAsync($"Presence:Orleans:SiloPort: nobody can listen on 127.0.0.1:{port}: ", any);
    }

    [Fact]
    public async Task Do_not_wait_for_a_primary_when_told_to_stop()
    {
        var configuration = SiloConfiguration.Load(SiloArguments.Parse(
            ["--urls", "http://127.0.0.1:0", "--environment", "Development", "--Presence:Orleans:Primary", "127.0.0.1:1"]));
        var run = SiloRun.Create(configuration, SiloOptions.Read(configuration.Settings), TextWriter.Null);
        using var stop = new CancellationTokenSource();
        var starting = run.StartAsync(stop.Token);
        Assert.False(starting.IsCompleted);
        await stop.CancelAsync();
        Assert.False(await starting.WaitAsync(TimeSpan.FromSeconds(10)));
    }
}
