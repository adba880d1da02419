namespace Presence.Grains.Tests.Client;

/// <summary>Calls of a client that no silo answers.</summary>
[Trait("Category", "Orleans")]
public sealed class CallTimeoutTests
{
    /// <summary>Shorter than the time after which Orleans gives up a call.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    private static readonly string[] s_methods =
    [
        "Count", "KeyCount", "Page", "List", "GetByKey", "TopicsOf", "Freshness", "Send", "SendToKey", "Evict",
        "EvictKey",
    ];

    public static TheoryData<string> Methods => new(s_methods);

    [Fact]
    public async Task Calls_without_an_answer_fail_before_Orleans_gives_them_up()
    {
        var faults = new CallFaults { HangsAt = c => c.TargetId.Type.ToString() == "presence-topic" };
        await using var cluster = await StartAsync(faults, TimeSpan.FromMilliseconds(500));
        using var released = new Released(faults);
        var calls = s_methods.ToDictionary(m => m, m => CallAsync(cluster, m, default));
        foreach (var (method, call) in calls)
        {
            await TestTimeouts.UntilAsync($"{method} has ended", Limit, () => call.IsCompleted);
            await Assert.ThrowsAsync<TimeoutException>(() => call);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public async Task Canceled_call_ends_at_once(string method)
    {
        var faults = new CallFaults { HangsAt = c => c.TargetId.Type.ToString() == "presence-topic" };
        await using var cluster = await StartAsync(faults, TimeSpan.FromMinutes(1));
        using var released = new Released(faults);
        using var cancel = new CancellationTokenSource();
        var call = CallAsync(cluster, method, cancel.Token);
        await TestTimeouts.UntilAsync(
            "the silo has the call", Limit, () => faults.Calls.Any(c => c.Target == "presence-topic"));
        await cancel.CancelAsync();
        await TestTimeouts.UntilAsync("the call has ended", Limit, () => call.IsCompleted);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    private static Task<PresenceCluster> StartAsync(CallFaults faults, TimeSpan timeout) => PresenceCluster.StartAsync(
        1,
        configureClient: o => o.CallTimeout = timeout,
        configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(faults));

    private static async Task CallAsync(PresenceCluster cluster, string method, CancellationToken cancellation)
    {
        var client = cluster.Client;
        var message = new SessionMessage("hello", "{}"u8.ToArray());
        Task call = method switch
        {
            "Count" => client.CountAsync("lobby", cancellation),
            "KeyCount" => client.KeyCountAsync("lobby", cancellation),
            "Page" => client.PageAsync("lobby", null, 10, cancellation),
            "List" => ListAsync(client, cancellation),
            "GetByKey" => client.GetByKeyAsync("lobby", "ann", cancellation),
            "TopicsOf" => client.TopicsOfAsync("ann", cancellation),
            "Freshness" => client.FreshnessAsync("lobby", cancellation),
            "Send" => client.SendAsync("lobby", "ann", message, cancellation),
            "SendToKey" => client.SendToKeyAsync("ann", message, cancellation),
            "Evict" => client.EvictAsync("lobby", "ann", cancellation),
            "EvictKey" => client.EvictKeyAsync("ann", cancellation),
            _ => throw new ArgumentOutOfRangeException(nameof(method), method, "Unknown."),
        };
        await call;
    }

    private static async Task ListAsync(IPresenceClient client, CancellationToken cancellation)
    {
        await foreach (var _ in client.ListAsync("lobby", cancellation))
        {
            // Nothing is listed.
        }
    }
}
