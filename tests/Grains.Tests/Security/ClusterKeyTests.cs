using Microsoft.Extensions.Hosting.Internal;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Options;
using Presence.Grains.Security;
using Presence.Grains.Tests.Client;
using Presence.Tracker.Wire;

namespace Presence.Grains.Tests.Security;

/// <summary>Attempts of a hostile Orleans client against a cluster with a key, and what still works.</summary>
public sealed class ClusterKeyTests : IAsyncLifetime
{
    private static int s_senders;

    private readonly HostileFilter _client = new();
    private PresenceCluster _cluster = null!;

    private string Silo => Address(0);

    private IPinnedSiloGrain Pinned => Grains.GetGrain<IPinnedSiloGrain>(Silo);

    private IGrainFactory Grains => _cluster.Orleans.Client;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        2,
        configureClientHost: client => client.Services.AddSingleton<IOutgoingGrainCallFilter>(_client));

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Plain_client_cannot_call_the_grains_of_the_cluster_transport()
    {
        using var rejected = new Counted("presence.calls.rejected", "unauthenticated");
        var batch = Leave(1);
        var shard = Grains.GetGrain<IPresenceShardGrain>($"{Silo}/0");
        var election = Grains.GetGrain<IUniqueElectionGrain>("job");
        var diffs = Grains.GetGrain<IHandleDiffGrain>("lobby");
        Func<Task>[] calls =
        [
            () => Pinned.Enqueue($"{Silo}/0", batch), () => Pinned.End("a lease"), () => Pinned.UniqueSeatOf("job"),
            () => shard.Deliver(batch), () => shard.Request(batch),
            () => election.Acquire("me", TimeSpan.FromDays(49)), () => election.HandOver(),
            () => diffs.HandleDiff(null!),
        ];
        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(call);
            Assert.Contains("Presence:Orleans:ClusterKey", error.Message);
        }

        Assert.InRange(rejected.Sum, calls.Length, long.MaxValue);
        Assert.All(_cluster.ServiceOf<IPresenceNode>(_cluster.Silos[0]).Nodes(), n => Assert.Equal("up", n.Status));
    }

    [Fact]
    public Task Call_with_another_key_is_rejected() =>
        RejectedAsync(Authenticator(key: "another secret, also of 32 bytes or more").Sign, "forged", "Forged");

    [Fact]
    public Task Call_that_was_made_for_other_arguments_is_rejected() => RejectedAsync(
        call =>
        {
            call.Request.SetArgument(0, "another lease");
            var signed = Authenticator().Sign(call);
            call.Request.SetArgument(0, "a lease");
            return signed;
        },
        "forged",
        "Forged");

    [Fact]
    public Task Call_for_another_silo_is_rejected() => RejectedAsync(
        call => Authenticator().Sign(call with { Target = GrainId.Create(call.Target.Type, Address(1)) }),
        "forged",
        "Forged");

    [Fact]
    public Task Call_older_than_the_tolerance_is_rejected()
    {
        var then = DateTimeOffset.UtcNow - CallAuthenticator.Tolerance - TimeSpan.FromMinutes(1);
        return RejectedAsync(Authenticator(time: new TestTime(then)).Sign, "expired", "Expired");
    }

    [Fact]
    public Task Text_that_is_no_authenticator_is_rejected() => RejectedAsync(_ => [1, 2, 3], "forged", "Forged");

    [Fact]
    public async Task Replayed_call_is_rejected()
    {
        var signer = Authenticator();
        byte[]? recorded = null;
        _client.Sign = call => recorded ??= signer.Sign(call);
        Assert.False(await Pinned.End("a lease"));
        var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Pinned.End("a lease"));
        Assert.Contains("Replayed", error.Message);
    }

    [Fact]
    public async Task Silo_cannot_send_frames_under_the_name_of_another()
    {
        _client.Sign = Authenticator().Sign;
        var grain = Grains.GetGrain<IPresenceShardGrain>($"{Silo}/0");
        var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(() => grain.Deliver(Leave(1)));
        Assert.Contains("Forged", error.Message);
    }

    [Fact]
    public async Task Lease_of_weeks_is_rejected_from_silos_too()
    {
        _client.Sign = Authenticator().Sign;
        var election = Grains.GetGrain<IUniqueElectionGrain>("job");
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => election.Acquire("me", TimeSpan.FromDays(49)));
        Assert.Contains("at most", error.Message);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => election.Acquire("me", -TimeSpan.FromDays(1)));
    }

    [Fact]
    public async Task Silo_with_another_key_does_not_replicate()
    {
        var silos = 0;
        using var rejected = new Counted("presence.calls.rejected", "forged");
        await using var cluster = await PresenceCluster.StartAsync(2, configureSilo: silo =>
        {
            var key = $"{PresenceCluster.ClusterKey} {Interlocked.Increment(ref silos)}";
            silo.Configure<PresenceOrleansOptions>(o => o.ClusterKey = key);
        });
        await using var ann = await cluster.ServiceOf<IPresenceClient>(cluster.Silos[0]).TrackAsync("lobby", "ann");
        await rejected.UntilAsync(5);
        Assert.Equal(1, cluster.TrackerOf(cluster.Silos[0]).Count("lobby"));
        Assert.Equal(0, cluster.TrackerOf(cluster.Silos[1]).Count("lobby"));
    }

    [Theory]
    [InlineData(null, "Unauthenticated")]
    [InlineData("another secret, also of 32 bytes or more", "Forged")]
    public async Task Hosted_client_of_a_silo_without_the_key_is_rejected(string? key, string reason)
    {
        await using var cluster = await PresenceCluster.StartAsync(2, configureSilo: silo => silo.Services
            .AddOptions<PresenceOrleansOptions>()
            .PostConfigure<IOptions<SiloOptions>>((o, options) =>
                o.ClusterKey = options.Value.SiloName == "silo 0" ? o.ClusterKey : key));
        var (honest, hostile) = (
            cluster.Silos.Single(silo => NameOf(silo) == "silo 0"),
            cluster.Silos.Single(silo => NameOf(silo) == "silo 1"));
        await using var ann = await cluster.ServiceOf<IPresenceClient>(honest).TrackAsync("lobby", "ann");
        var hosted = cluster.ServiceOf<IClusterClient>(hostile);
        var address = honest.SiloAddress.ToParsableString();
        var leave = LeaveOf(cluster, honest);
        Func<Task>[] calls =
        [
            () => hosted.GetGrain<IPinnedSiloGrain>(address).End("a lease"),
            () => hosted.GetGrain<IPinnedSiloGrain>(address).Enqueue($"{address}/0", leave),
            () => hosted.GetGrain<IPresenceShardGrain>($"{address}/0").Deliver(leave),
        ];
        foreach (var call in calls)
        {
            Assert.Contains($"({reason};", (await Assert.ThrowsAsync<UnauthorizedAccessException>(call)).Message);
        }

        Assert.Equal(["ann"], cluster.TrackerOf(honest).List("lobby").Select(entry => entry.Key));

        string NameOf(InProcessSiloHandle silo) => cluster.ServiceOf<ILocalSiloDetails>(silo).Name;
    }

    [Theory]
    [InlineData("Production", null, 1)]
    [InlineData("Production", PresenceCluster.ClusterKey, 0)]
    [InlineData("Development", null, 0)]
    public async Task Start_without_a_key_logs_one_warning_in_Production(string environment, string? key, int warnings)
    {
        var log = new FakeLogger<ClusterKeyCheck>();
        var options = Options.Create(new PresenceOrleansOptions { ClusterKey = key });
        await using var services = new ServiceCollection()
            .AddSingleton<IHostEnvironment>(new HostingEnvironment { EnvironmentName = environment })
            .BuildServiceProvider();
        await new ClusterKeyCheck(options, services, log).StartAsync(default);
        Assert.Equal(
            warnings,
            log.Collector.GetSnapshot().Count(r => r.Message.StartsWith("INSECURE", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Silos_with_the_same_key_replicate_and_serve_clients_and_the_application_of_a_silo()
    {
        var seen = new Awaited<string>();
        await using var watch = await _cluster.Client.SubscribeAsync("lobby", Record("observer"));
        await using var stream = await _cluster.Client.SubscribeAsync(
            "lobby", Record("stream"), SubscriptionKind.Stream);
        var hosted = _cluster.ServiceOf<IPresenceClient>(_cluster.Silos[1]);
        await using var ann = await hosted.TrackAsync("lobby", "ann");
        await using var bob = await _cluster.Client.TrackAsync("lobby", "bob");
        await bob.UpdateAsync(PresenceMeta.Parse("""{"a":1}"""));
        foreach (var silo in _cluster.Silos)
        {
            await _cluster.ListsAsync(silo, "lobby", "ann", "bob");
        }

        await seen.FirstAsync(s => s == "observer bob");
        await seen.FirstAsync(s => s == "stream bob");

        Func<IReadOnlyList<PresenceChange>, ValueTask> Record(string kind) => changes =>
        {
            foreach (var change in changes)
            {
                seen.Add($"{kind} {change.Entry.Key}");
            }

            return default;
        };
    }

    [Fact]
    public void Window_accepts_each_number_once_in_any_order_and_rejects_far_older_ones()
    {
        var window = new ReplayWindow();
        var numbers = Enumerable.Range(1, 1000).Select(i => (ulong)i).OrderBy(i => i * 7919 % 1009).ToList();
        Assert.All(numbers, n => Assert.True(window.Accept(n)));
        Assert.All(numbers, n => Assert.False(window.Accept(n)));
        Assert.True(window.Accept(ReplayWindow.Size * 3));
        Assert.False(window.Accept(1001));
        Assert.False(window.Accept(ReplayWindow.Size * 2));
        Assert.True(window.Accept((ReplayWindow.Size * 2) + 1));
        Assert.False(window.Accept((ReplayWindow.Size * 2) + 1));
    }

    [Theory]
    [InlineData("short", null)]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 32)]
    [InlineData("a passphrase of more than 32 bytes", 34)]
    public void Key_is_base64_or_text_of_at_least_32_bytes(string text, int? bytes)
    {
        Assert.Equal(bytes, ClusterKey.Parse(text)?.Length);
        var options = new PresenceOrleansOptions { ClusterKey = text };
        if (bytes is null)
        {
            var error = Assert.Throws<ArgumentException>(options.Validate);
            Assert.Contains("Presence:Orleans:ClusterKey", error.Message);
            Assert.DoesNotContain("'short'", error.Message);
        }
        else
        {
            options.Validate();
        }
    }

    private async Task RejectedAsync(Func<CallContent, byte[]> sign, string reason, string text)
    {
        using var rejected = new Counted("presence.calls.rejected", reason);
        _client.Sign = sign;
        var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Pinned.End("a lease"));
        Assert.Contains(text, error.Message);
        Assert.InRange(rejected.Sum, 1, long.MaxValue);
    }

    private string Address(int silo) => _cluster.Silos[silo].SiloAddress.ToParsableString();

    // A sender of its own, because a silo's numbers may be used up by its own calls.
    private static CallAuthenticator Authenticator(
        string key = PresenceCluster.ClusterKey, TimeProvider? time = null) =>
        new(ClusterKey.Parse(key)!, $"10.9.9.9:1@{Interlocked.Increment(ref s_senders)}", time ?? TimeProvider.System);

    /// <summary>Frames that end all presences of a silo.</summary>
    private DeltaBatch Leave(int silo) => LeaveOf(_cluster, _cluster.Silos[silo]);

    private static DeltaBatch LeaveOf(PresenceCluster cluster, InProcessSiloHandle silo)
    {
        var name = cluster.ServiceOf<IPresenceNode>(silo).Name;
        var frame = new LeaveFrame(new Sender(new ReplicaId(name, ulong.MaxValue / 2), 1, 2, 1, 0));
        return new DeltaBatch(
            name,
            silo.SiloAddress.ToParsableString(),
            [new ClusterFrame("presence", 0, ShardFrameCodec.Encode(frame))]);
    }

    /// <summary>Adds an authenticator to the calls of a client.</summary>
    private sealed class HostileFilter : IOutgoingGrainCallFilter
    {
        public Func<CallContent, byte[]?> Sign { get; set; } = _ => null;

        public async Task Invoke(IOutgoingGrainCallContext context)
        {
            if (Sign(new CallContent(context.TargetId, context.Request)) is { } signed)
            {
                RequestContext.Set(ClusterCallFilter.ContextKey, signed);
            }

            await context.Invoke();
        }
    }
}
