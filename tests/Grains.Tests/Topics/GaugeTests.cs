using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Presence.Grains.Tests.Topics;

[Trait("Category", "Orleans")]
public sealed class GaugeTests
{
    [Fact]
    public async Task Leases_observers_and_those_that_were_cut_off_are_measured_for_each_silo()
    {
        await using var cluster = await GrainCluster.StartAsync(2);
        var silo = cluster.Orleans.Silos[0];
        var measured = new ConcurrentDictionary<string, long>();
        using var listener = Listen(cluster.ServiceOf<IMeterFactory>(silo), measured);
        var lobby = cluster.ServiceOf<IGrainFactory>(silo).GetGrain<ITopicPresenceGrain>("lobby");
        await lobby.Track("ann");
        var failing = new Observer { Answer = Task.FromException(new InvalidOperationException("broken")) };
        var good = new Observer();
        foreach (var observer in new[] { failing, good })
        {
            await lobby.Subscribe(
                cluster.ServiceOf<IGrainFactory>(silo).CreateObjectReference<IPresenceObserver>(observer));
        }

        await lobby.Track("eve");
        await TestTimeouts.UntilAsync("the failing observer is cut off", TimeSpan.FromSeconds(30), () =>
        {
            listener.RecordObservableInstruments();
            return measured["presence.observers.cut_off"] == 1;
        });
        Assert.Equal((2, 1), (measured["presence.leases"], measured["presence.observers"]));
        GC.KeepAlive((failing, good));
    }

    private static MeterListener Listen(IMeterFactory meters, ConcurrentDictionary<string, long> measured)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, all) =>
            {
                if (ReferenceEquals(instrument.Meter.Scope, meters))
                {
                    all.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => measured[instrument.Name] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => measured[instrument.Name] = value);
        listener.Start();
        return listener;
    }
}
