using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using Orleans.Streams.Core;

namespace Presence.Grains.Tests.Client;

/// <summary>
/// Subscriptions that the client does not use any more: of calls without an answer, and disposed ones.
/// </summary>
[Trait("Category", "Orleans")]
public sealed class AbandonedSubscriptionTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private readonly CallFaults _faults = new();
    private readonly FakeLogCollector _log = new();
    private PresenceCluster _cluster = null!;

    private ObserverRegistry Observers => _cluster.ServiceOf<ObserverRegistry>(_cluster.Silos[0]);

    public async Task InitializeAsync() => _cluster = await PresenceCluster.StartAsync(
        1,
        o => o.LeaseDuration = TimeSpan.FromMinutes(10),
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

    [Fact]
    public async Task Subscriptions_of_calls_without_an_answer_are_ended_and_log_no_error()
    {
        _faults.AnswersLate = c => c.MethodName == "Subscribe";
        await Assert.ThrowsAsync<TimeoutException>(() => _cluster.Client.SubscribeAsync("lobby", _ => default));
        await ChangeForTwoSecondsAsync();
        await TestTimeouts.UntilAsync(
            "no subscription is left", Timeout, () => Observers.Count == 0, () => $"{Observers.Count} are left");
        AssertNoError();
    }

    [Fact]
    public async Task Subscription_that_is_canceled_before_its_answer_is_ended()
    {
        _faults.AnswersLate = c => c.MethodName == "Subscribe";
        using var cancel = new CancellationTokenSource();
        var subscribing = _cluster.Client.SubscribeAsync("lobby", _ => default, cancellation: cancel.Token);
        await TestTimeouts.UntilAsync("it is subscribed", Timeout, () => Observers.Count > 0);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => subscribing);
        await TestTimeouts.UntilAsync("it is ended", Timeout, () => Observers.Count == 0);
    }

    [Fact]
    public async Task Subscription_whose_end_has_no_answer_is_ended_again()
    {
        var subscription = await _cluster.Client.SubscribeAsync("lobby", _ => default);
        _faults.FailsWith = c => c.MethodName == "Unsubscribe" ? new TimeoutException("cut off") : null;
        await subscription.DisposeAsync();
        await TestTimeouts.UntilAsync("it is ended", Timeout, () => Observers.Count == 0);
    }

    [Fact]
    public async Task Stream_subscription_that_is_made_after_the_timeout_is_ended()
    {
        var silo = _cluster.ServiceOf<IStreamSubscriptionManagerAdmin>(_cluster.Silos[0])
            .GetStreamSubscriptionManager(StreamSubscriptionManagerType.ExplicitSubscribeOnly);
        async Task<int> CountAsync() =>
            (await silo.GetSubscriptions(PresenceStreams.Queues, PresenceStreams.Diffs("lobby"))).Count();

        _faults.AnswersLate = c => c.MethodName == "FollowStream";
        await Assert.ThrowsAsync<TimeoutException>(
            () => _cluster.Client.SubscribeAsync("lobby", _ => default, SubscriptionKind.Stream));
        Assert.NotEqual(0, await CountAsync());
        _faults.Release();
        await TestTimeouts.UntilAsync("they are ended", Timeout, async () => await CountAsync() == 0);
    }

    [Fact]
    public async Task Disposed_subscriptions_of_a_changing_topic_log_no_error()
    {
        for (var i = 0; i < 50; i++)
        {
            var subscribing = _cluster.Client.SubscribeAsync("lobby", _ => default);
            await ChangeAsync();
            var subscription = await subscribing;
            var changing = ChangeAsync();
            await subscription.DisposeAsync();
            await changing;
        }

        await ChangeForTwoSecondsAsync();
        Assert.Equal(0, Observers.Count);
        AssertNoError();
    }

    private async Task ChangeAsync()
    {
        using var session = _cluster.ServiceOf<IPresenceNode>(_cluster.Silos[0]).OpenSession();
        await _cluster.TrackerOf(_cluster.Silos[0]).TrackAsync(session, "lobby", "ann");
    }

    /// <summary>Changes the topic for longer than observers are kept after their subscription.</summary>
    private Task<TimeSpan> ChangeForTwoSecondsAsync()
    {
        var began = Stopwatch.GetTimestamp();
        return TestTimeouts.UntilAsync("the topic was changed for two seconds", Timeout, async () =>
        {
            await ChangeAsync();
            return Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(2);
        });
    }

    private void AssertNoError() => Assert.DoesNotContain(
        _log.GetSnapshot(),
        r => r.Level >= LogLevel.Error || r.Message.Contains("Unexpected target", StringComparison.Ordinal));
}
