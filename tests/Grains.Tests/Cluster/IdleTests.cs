using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;

namespace Presence.Grains.Tests.Cluster;

/// <summary>The cost of an idle silo: the calls of presence that an application's filters see.</summary>
[Trait("Category", "Orleans")]
public abstract class IdleTests(TimeSpan duration)
{
    private const double MaxCallsPerSecond = 2;

    [Fact]
    public async Task Idle_silo_of_three_makes_at_most_two_grain_calls_and_spans_a_second()
    {
        var spans = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name.StartsWith("Microsoft.Orleans", StringComparison.Ordinal),
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => spans.Enqueue(activity.DisplayName + activity.GetTagItem("rpc.method")),
        };
        ActivitySource.AddActivityListener(listener);
        var counter = new CallCounter();
        var builder = new InProcessTestClusterBuilder(3);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddPresence();
            silo.AddActivityPropagation();
            silo.Services.AddSingleton<IIncomingGrainCallFilter>(counter);
        });
        await using var cluster = builder.Build();
        await cluster.DeployAsync();

        // Startup has ended after a period with no more calls than an idle cluster makes.
        using var period = new PeriodicTimer(TimeSpan.FromSeconds(2));
        do
        {
            counter.Calls.Clear();
            await period.WaitForNextTickAsync();
        }
        while (counter.Calls.Count > 3 * MaxCallsPerSecond * 2);

        counter.Calls.Clear();
        spans.Clear();
        var clock = Stopwatch.StartNew();
        using var timer = new PeriodicTimer(duration);
        await timer.WaitForNextTickAsync();

        // On a busy machine later than at the end of the duration.
        var seconds = clock.Elapsed.TotalSeconds;
        var calls = counter.Calls.ToList();
        var perSilo = calls.Count / seconds / 3;
        Assert.True(
            perSilo <= MaxCallsPerSecond,
            $"{perSilo} calls a second: "
            + string.Join(", ", calls.GroupBy(c => c).Select(g => $"{g.Count()} {g.Key}")));
        // Timers are those of the pulling agents, apart from one a second and silo of Orleans' membership.
        var timers = spans.Count(s => s.Contains("Timer", StringComparison.Ordinal));
        var ours = spans.Count(s => s.Contains("Presence", StringComparison.Ordinal))
            + Math.Max(0, timers - (3 * Math.Ceiling(seconds)));
        Assert.True(
            ours / seconds / 3 <= MaxCallsPerSecond,
            $"{spans.Count} spans: {string.Join(", ", spans.GroupBy(s => s).Select(g => $"{g.Count()} {g.Key}"))}");
    }

    private sealed class CallCounter : IIncomingGrainCallFilter
    {
        public ConcurrentQueue<string> Calls { get; } = new();

        public Task Invoke(IIncomingGrainCallContext context)
        {
            // Calls of Orleans itself, such as the exchange of load figures, also occur without presence.
            var target = context.Grain.GetType().FullName!;
            if (target.StartsWith("Presence.", StringComparison.Ordinal)
                || target.StartsWith("Orleans.Streams", StringComparison.Ordinal))
            {
                Calls.Enqueue($"{target}: {context.MethodName}");
            }

            return context.Invoke();
        }
    }
}

/// <summary>Observes for ten seconds.</summary>
public sealed class IdleForAWhileTests() : IdleTests(TimeSpan.FromSeconds(10));

/// <summary>Observes for a minute.</summary>
[Trait("Category", "Soak")]
public sealed class IdleForAMinuteTests() : IdleTests(TimeSpan.FromMinutes(1));
