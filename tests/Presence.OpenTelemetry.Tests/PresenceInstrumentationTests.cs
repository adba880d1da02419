using System.Collections.ObjectModel;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Presence.Harness;
using Presence.Node;
using Presence.Tracker;
using Xunit;

namespace Presence.OpenTelemetry.Tests;

public sealed class PresenceInstrumentationTests
{
    private readonly InMemoryCluster _cluster = new();

    [Fact]
    public async Task Spans_from_a_track_to_its_delivery_on_another_node_are_one_trace()
    {
        var spans = new ExportedSpans();
        using var provider = ExportTo(spans);
        using var n0 = await StartAsync("n0");
        using var n1 = await StartAsync("n1");
        await KnowEachOtherAsync(n0, n1);
        var (first, second) = (NodeOf(n0), NodeOf(n1));
        using var here = first.Tracker.Subscribe("lobby", _ => { });
        using var there = second.Tracker.Subscribe("lobby", _ => { });
        using var session = first.OpenSession();
        await first.Tracker.TrackAsync(session, "lobby", "ann");

        await spans.Ended.UntilAsync(
            all => all.Count(s => s.OperationName == "presence.deliver") == 2, "both nodes deliver");
        var merge = await spans.Ended.FirstAsync(
            s => s.OperationName == "presence.merge" && Child(s, "presence.publish") is not null);
        var track = Assert.Single(spans.Ended.All, s => s.OperationName == "presence.track");
        var publish = Child(track, "presence.publish");
        Assert.NotNull(publish);
        Assert.NotNull(Child(publish, "presence.deliver"));
        var replicate = Child(track, "presence.replicate");
        Assert.NotNull(replicate);
        Assert.Equal((replicate.SpanId, replicate.TraceId, true),
            (merge.ParentSpanId, merge.TraceId, merge.HasRemoteParent));
        Assert.NotNull(Child(Child(merge, "presence.publish")!, "presence.deliver"));
        Assert.All(spans.Ended.All, s => Assert.DoesNotContain(
            s.TagObjects, tag => tag.Value is "lobby" or "ann"));
        await StopAsync(n0, n1);

        Activity? Child(Activity parent, string name) => spans.Ended.All
            .FirstOrDefault(s => s.OperationName == name && s.ParentSpanId == parent.SpanId);
    }

    [Fact]
    public async Task A_delta_that_is_sent_later_belongs_to_the_trace_of_its_first_change()
    {
        var spans = new ExportedSpans();
        using var provider = ExportTo(spans);
        using var n0 = await StartAsync("n0");
        using var n1 = await StartAsync("n1");
        await KnowEachOtherAsync(n0, n1);
        var seen = new Awaited<string>();
        using var there = NodeOf(n1).Tracker.Subscribe(
            "lobby", diff => diff.Changes.ToList().ForEach(change => seen.Add(change.Entry.Key)));
        using var session = NodeOf(n0).OpenSession();

        // The first delta leaves at once; what follows waits for the delay of changes.
        foreach (var key in new[] { "ann", "bob", "cleo" })
        {
            await NodeOf(n0).Tracker.TrackAsync(session, "lobby", key);
        }

        await seen.FirstAsync(key => key == "cleo");
        await StopAsync(n0, n1);
        var tracks = spans.Ended.All.Where(s => s.OperationName == "presence.track").Select(s => s.SpanId).ToList();
        var sent = spans.Ended.All
            .Where(s => s.OperationName == "presence.replicate" && tracks.Contains(s.ParentSpanId))
            .Select(s => s.SpanId)
            .ToList();
        Assert.InRange(sent.Count, 2, 3);
        var merged = spans.Ended.All.Where(s => s.OperationName == "presence.merge")
            .SelectMany(s => s.Links.Select(link => link.Context.SpanId).Append(s.ParentSpanId));
        Assert.Empty(sent.Except(merged));
    }

    [Fact]
    public async Task Metrics_of_a_node_are_exported()
    {
        var metrics = new List<Metric>();
        using var host = await StartAsync("n0", services => services.AddOpenTelemetry()
            .WithMetrics(builder => builder.AddPresenceInstrumentation().AddInMemoryExporter(metrics)));
        var node = NodeOf(host);
        using var session = node.OpenSession();
        await node.Tracker.TrackAsync(session, "lobby", "ann");
        host.Services.GetRequiredService<MeterProvider>().ForceFlush();
        var entries = Assert.Single(metrics, m => m.Name == "presence.tracker.entries");
        Assert.Equal(("Presence.Tracker", "{entry}"), (entries.MeterName, entries.Unit));
        await StopAsync(host);
    }

    [Fact]
    public async Task Durations_are_exported_with_boundaries_below_a_millisecond()
    {
        var metrics = new List<Metric>();
        using var n0 = await StartAsync("n0", services => services.AddOpenTelemetry()
            .WithMetrics(builder => builder.AddPresenceInstrumentation().AddInMemoryExporter(metrics)));
        using var n1 = await StartAsync("n1");
        using var session = NodeOf(n1).OpenSession();
        var shown = new Awaited<TopicDiff>();
        using var subscription = NodeOf(n0).Tracker.Subscribe("lobby", shown.Add);
        await NodeOf(n1).Tracker.TrackAsync(session, "lobby", "ann");
        await shown.FirstAsync(_ => true);
        n0.Services.GetRequiredService<MeterProvider>().ForceFlush();
        var merges = Assert.Single(metrics, m => m.Name == "presence.merge.duration");
        var bounds = new List<double>();
        foreach (ref readonly var point in merges.GetMetricPoints())
        {
            foreach (var bucket in point.GetHistogramBuckets())
            {
                bounds.Add(bucket.ExplicitBound);
            }
        }

        Assert.Equal((0.0001, double.PositiveInfinity), (bounds[0], bounds[^1]));
        await StopAsync(n0, n1);
    }

    private async Task<IHost> StartAsync(string name, Action<IServiceCollection>? more = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton(_cluster.CreateTransport(name)).AddPresence(o => o.NodeName = name);
        more?.Invoke(builder.Services);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private static TracerProvider ExportTo(ExportedSpans spans) => Sdk.CreateTracerProviderBuilder()
        .AddPresenceInstrumentation()
        .AddInMemoryExporter(spans)
        .Build();

    /// <summary>Waits: what a node tracks before, the other one requests, and no delta is sent.</summary>
    private static async Task KnowEachOtherAsync(params IHost[] hosts) => await TestTimeouts.UntilAsync(
        "the nodes know each other",
        TimeSpan.FromSeconds(30),
        () => hosts.All(host => NodeOf(host).Tracker.Replicas().Select(r => r.Node).Distinct().Count() == 1));

    private static IPresenceNode NodeOf(IHost host) => host.Services.GetRequiredService<IPresenceNode>();

    private static async Task StopAsync(params IHost[] hosts)
    {
        foreach (var host in hosts)
        {
            await host.StopAsync();
        }
    }

    /// <summary>The exporter adds on the threads that end the spans.</summary>
    private sealed class ExportedSpans : Collection<Activity>
    {
        public Awaited<Activity> Ended { get; } = new();

        protected override void InsertItem(int index, Activity item) => Ended.Add(item);
    }
}
