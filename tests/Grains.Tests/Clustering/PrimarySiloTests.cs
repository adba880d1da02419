using System.Buffers.Binary;
using System.Text;

namespace Presence.Grains.Tests.Clustering;

public sealed class PrimarySiloTests : IDisposable
{
    private static readonly IPEndPoint Nowhere = new(IPAddress.Loopback, 1);

    private readonly StringWriter _output = new();
    private readonly HurriedTime _time = new();

    public void Dispose() => _output.Dispose();

    [Fact]
    public async Task Configured_primary_is_awaited_for_20_s_with_a_line_every_2_s()
    {
        var e = await Assert.ThrowsAsync<SiloStartException>(
            () => FindAsync(11_112, Nowhere));
        Assert.Equal(
            "Presence:Orleans:Primary is '127.0.0.1:1': no silo answers there within 20 s. "
            + "Start that silo first, name another, or set ConnectionStrings:Presence.",
            e.Message);
        Assert.InRange(_time.Elapsed, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(20.2));
        Assert.Equal(
            Enumerable.Range(1, 9).Select(n => $"Waiting for the primary silo at 127.0.0.1:1: {2 * n} s of 20 s."),
            Lines());
    }

    [Fact]
    public async Task Configured_primary_that_is_not_a_silo_is_reported()
    {
        using var other = new PortListener("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray());
        var e = await Assert.ThrowsAsync<SiloStartException>(
            () => FindAsync(11_112, other.Address));
        Assert.Contains("what answers there is no silo of cluster 'presence'", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("presence2")]
    [InlineData("pre")]
    public async Task A_configured_primary_of_another_cluster_is_not_joined(string cluster)
    {
        using var other = new PortListener(Preamble(cluster));
        await Assert.ThrowsAsync<SiloStartException>(
            () => FindAsync(11_112, other.Address));
    }

    [Fact]
    public async Task Configured_primary_that_answers_is_joined_without_output()
    {
        using var silo = new PortListener(Preamble("presence"));
        Assert.Equal(silo.Address, await FindAsync(11_112, silo.Address));
        Assert.Empty(Lines());
    }

    [Fact]
    public async Task A_configured_primary_of_this_process_is_not_awaited()
    {
        Assert.Equal(Nowhere, await FindAsync(Nowhere.Port, Nowhere));
        Assert.Equal(TimeSpan.Zero, _time.Elapsed);
    }

    [Fact]
    public async Task The_silo_on_the_default_port_is_the_primary_itself()
    {
        Assert.Equal(PrimarySilo.Default, await FindAsync(11_111));
        Assert.Equal(TimeSpan.Zero, _time.Elapsed);
        Assert.Empty(Lines());
    }

    [Fact]
    public async Task Default_primary_that_does_not_answer_is_ignored_after_2_s()
    {
        var primary = new PrimarySilo(Plans.Options(), _output, _time, Nowhere);
        Assert.Equal(
            new IPEndPoint(IPAddress.Loopback, 11_112), await primary.FindAsync([Place(4001, 11_112)], default));
        Assert.InRange(_time.Elapsed, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2.2));
        Assert.Equal(
            ["No silo answers at 127.0.0.1:1, the default primary: this process forms a cluster of its own."], Lines());
    }

    [Fact]
    public async Task Other_server_on_the_default_port_is_not_the_primary()
    {
        using var other = new PortListener("220 mail.example.org ESMTP\r\n"u8.ToArray());
        var primary = new PrimarySilo(Plans.Options(), _output, _time, other.Address);
        Assert.Equal(
            new IPEndPoint(IPAddress.Loopback, 11_112), await primary.FindAsync([Place(4001, 11_112)], default));
        Assert.Equal(
            [$"No silo of cluster 'presence' answers at {other.Address}, the default primary: "
                + "this process forms a cluster of its own."],
            Lines());
    }

    [Fact]
    public async Task A_default_primary_that_answers_is_joined()
    {
        using var silo = new PortListener(Preamble("presence"));
        var primary = new PrimarySilo(Plans.Options(), _output, _time, silo.Address);
        Assert.Equal(silo.Address, await primary.FindAsync([Place(4001, 11_112)], default));
        Assert.Equal([$"Joining the cluster of the silo at {silo.Address}."], Lines());
    }

    [Fact]
    public async Task Host_with_ports_chosen_by_the_system_does_not_join_the_default_primary()
    {
        using var silo = new PortListener(Preamble("presence"));
        var primary = new PrimarySilo(Plans.Options(), _output, _time, silo.Address);
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 20_001), await primary.FindAsync([Place(0, 20_001)], default));
    }

    [Fact]
    public async Task Waiting_ends_when_the_host_stops()
    {
        using var silent = new PortListener();
        using var stop = new CancellationTokenSource();
        var primary = new PrimarySilo(
            Plans.Options(o => o.Primary = silent.Address), _output, TimeProvider.System, PrimarySilo.Default);
        var finding = primary.FindAsync([Place(4001, 11_112)], stop.Token);
        Assert.False(finding.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => finding.WaitAsync(TimeSpan.FromSeconds(10)));
    }

    private Task<IPEndPoint> FindAsync(int siloPort, IPEndPoint? configured = null) =>
        new PrimarySilo(Plans.Options(o => o.Primary = configured), _output, _time, PrimarySilo.Default).FindAsync(
            [Place(4000, siloPort)], default);

    private static SiloEndpoints Place(int http, int silo) => new(1, "node", http, silo, 30_000);
    private string[] Lines() => _output.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Returns the checked part of a preamble: its length, and the cluster ID with its length.</summary>
    private static byte[] Preamble(string clusterId)
    {
        byte[] content = [0x20, 0x40, (byte)((clusterId.Length << 1) | 1), .. Encoding.UTF8.GetBytes(clusterId), 0xE0];
        var length = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, content.Length);
        return [.. length, .. content];
    }
}
