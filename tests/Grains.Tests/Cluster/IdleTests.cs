using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;

namespace Presence.Grains.Tests.Cluster;

/// <summary>What an idle silo costs: the calls of presence that an application's filters see.</summary>
[Trait("Category", "Engine.Orleans")]
public abstract class IdleTests(TimeSpan watched)
{
    private const double MaxCallsPerSecond = 2;

    [Fact]
    public async Task An_idle_silo_of_three_makes_at_most_two_grain_calls_a_second()
    {
        var counter = new CallCounter();
        var builder = new InProcessTestClusterBuilder(3);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddPresence();
            silo.Services.AddSingleton<IIncomingGrainCallFilter>(counter);
        });
        await using var cluster = builder.Build();
        await cluster.DeployAsync();

        // What follows a start is over when a period has passed in which no more calls came than an idle cluster makes.
        using var period = new PeriodicTimer(TimeSpan.FromSeconds(2));
        do
        {
            counter.Calls.Clear();
            await period.WaitForNextTickAsync();
        }
        while (counter.Calls.Count > 3 * MaxCallsPerSecond * 2);

        counter.Calls.Clear();
        using var watching = new PeriodicTimer(watched);
        await watching.WaitForNextTickAsync();
        var calls = counter.Calls.ToList();
        var perSilo = calls.Count / watched.TotalSeconds / 3;
        Assert.True(
            perSilo <= MaxCallsPerSecond,
            $"{perSilo} calls a second: {string.Join(", ", calls.GroupBy(c => c).Select(g => $"{g.Count()} {g.Key}"))}");
    }

    private sealed class CallCounter : IIncomingGrainCallFilter
    {
        public ConcurrentQueue<string> Calls { get; } = new();

        public Task Invoke(IIncomingGrainCallContext context)
        {
            // Orleans' own, such as the exchange of load figures, are there without presence too.
            var target = context.Grain.GetType().FullName!;
            if (target.StartsWith("Presence.", StringComparison.Ordinal) || target.StartsWith("Orleans.Streams", StringComparison.Ordinal))
            {
                Calls.Enqueue($"{target}: {context.MethodName}");
            }

            return context.Invoke();
        }
    }
}

/// <summary>For a while.</summary>
public sealed class IdleForAWhileTests() : IdleTests(TimeSpan.FromSeconds(10));

/// <summary>For a minute.</summary>
[Trait("Category", "Soak")]
public sealed class IdleForAMinuteTests() : IdleTests(TimeSpan.FromMinutes(1));
