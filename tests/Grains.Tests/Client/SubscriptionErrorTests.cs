using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;

namespace Presence.Grains.Tests.Client;

/// <summary>Errors of a silo while a client subscribes, and later.</summary>
[Trait("Category", "Orleans")]
public sealed class SubscriptionErrorTests : IAsyncLifetime
{
    private readonly CallFaults _faults = new();
    private readonly FakeLogCollector _log = new();
    private PresenceCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        1,
        o => o.ObserverQueueCapacity = 1,
        o =>
        {
            o.RenewalInterval = TimeSpan.FromMilliseconds(100);
            o.CallTimeout = TimeSpan.FromMilliseconds(500);
        },
        configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(_faults),
        configureClientHost: client => client.Services.AddLogging(b => b.AddProvider(new FakeLoggerProvider(_log))));

    public Task DisposeAsync()
    {
        _faults.Release();
        return _cluster.DisposeAsync().AsTask();
    }

    [Theory]
    [InlineData(SubscriptionKind.Observer)]
    [InlineData(SubscriptionKind.Stream)]
    public async Task Permanent_error_of_the_first_attempt_is_thrown(SubscriptionKind kind)
    {
        _faults.FailsWith = c =>
            c.MethodName is "Subscribe" or "PrepareStream" ? new UnauthorizedAccessException("not for you") : null;
        var error = await Assert.ThrowsAsync<UnauthorizedAccessException>(
            () => _cluster.Client.SubscribeAsync("lobby", _ => default, kind).WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal("not for you", error.Message);
    }

    [Fact]
    public async Task Empty_topic_is_rejected_at_once() => await Assert.ThrowsAsync<PresenceLimitException>(
        () => _cluster.Client.SubscribeAsync("", _ => default));

    [Fact]
    public async Task Topic_without_a_form_in_UTF8_is_rejected_before_it_is_sent()
    {
        const string half = "room \ud83d";
        await Assert.ThrowsAsync<ArgumentException>(() => _cluster.Client.SubscribeAsync(half, _ => default));
        await Assert.ThrowsAsync<ArgumentException>(() => _cluster.Client.TrackAsync(half, "ann"));
        await Assert.ThrowsAsync<ArgumentException>(() => _cluster.Client.CountAsync(half));
        Assert.DoesNotContain(_faults.Calls, c => c.Target == "presence-topic");
    }

    [Fact]
    public async Task Silos_that_never_answer_end_the_start_after_six_timeouts()
    {
        _faults.HangsAt = c => c.MethodName == "Subscribe";
        var error = await Assert.ThrowsAsync<TimeoutException>(
            () => _cluster.Client.SubscribeAsync("lobby", _ => default).WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.StartsWith("Subscribing to topic 'lobby' failed for", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Later_error_is_visible_in_the_state_and_logged_once_and_the_subscription_recovers()
    {
        var ledger = new Ledger();
        var subscription = await _cluster.Client.SubscribeAsync("lobby", ledger.HandleAsync);
        Assert.Equal((SubscriptionState.Active, null), (subscription.State, subscription.LastError));
        _faults.FailsWith = c => c.MethodName == "Subscribe" ? new UnauthorizedAccessException("no more") : null;
        using var session = _cluster.ServiceOf<IPresenceNode>(_cluster.Silos[0]).OpenSession();
        await _cluster.ExceedObserverQueueAsync(session, "lobby");
        await UntilAsync(subscription, SubscriptionState.Recovering);
        Assert.Equal("no more", subscription.LastError?.Message);
        await TestTimeouts.UntilAsync(
            "it has tried again",
            TimeSpan.FromSeconds(30),
            () => _faults.Calls.Count(c => c.Method == "Subscribe") > 3);
        Assert.Single(
            _log.GetSnapshot(),
            r => r.Level == LogLevel.Warning && r.Message.Contains("topic lobby", StringComparison.Ordinal));

        _faults.FailsWith = _ => null;
        await UntilAsync(subscription, SubscriptionState.Active);
        await using var late = await _cluster.Client.TrackAsync("lobby", "late");
        await ledger.JoinedAsync("late");
        await subscription.DisposeAsync();
        Assert.Equal(SubscriptionState.Ended, subscription.State);
    }

    private static Task<TimeSpan> UntilAsync(ITopicSubscription subscription, SubscriptionState state) =>
        TestTimeouts.UntilAsync(
        $"the subscription is {state}", TimeSpan.FromSeconds(30), () => subscription.State == state);
}
