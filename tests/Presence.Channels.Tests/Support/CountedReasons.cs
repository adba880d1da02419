using Microsoft.Extensions.Diagnostics.Metrics.Testing;

namespace Presence.Channels.Tests;

/// <summary>Collects the reasons that one counter of a host is given.</summary>
internal sealed class CountedReasons(IServiceProvider services, string counter) : IDisposable
{
    private readonly MetricCollector<long> _counter =
        new(services.GetRequiredService<IMeterFactory>(), ChannelInstruments.MeterName, counter);

    public int Count => _counter.GetMeasurementSnapshot().Count;

    public string[] Reasons => [.. _counter.GetMeasurementSnapshot().Select(m => (string)m.Tags.Values.First()!)];

    public void Dispose() => _counter.Dispose();
}
