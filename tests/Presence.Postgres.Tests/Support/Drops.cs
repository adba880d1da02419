using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Presence.Postgres.Tests.Support;

/// <summary>Counts what one link drops, by reason, as an operator's collector does.</summary>
internal sealed class Drops : IDisposable
{
    private readonly ConcurrentDictionary<string, long> _byReason = new();
    private readonly MeterListener _listener = new();

    public Drops(LinkInstruments instruments)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == instruments.Meter && instrument.Name == "presence.frames.dropped")
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, frames, tags, _) =>
            _byReason.AddOrUpdate((string)tags[0].Value!, frames, (_, before) => before + frames));
        _listener.Start();
    }

    public long Of(string reason) => _byReason.GetValueOrDefault(reason);

    /// <summary>What a gauge shows now.</summary>
    public static double Gauge(LinkInstruments instruments, string name)
    {
        var value = double.NaN;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == instruments.Meter && instrument.Name == name)
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((_, now, _, _) => value = now);
        listener.SetMeasurementEventCallback<int>((_, now, _, _) => value = now);
        listener.Start();
        listener.RecordObservableInstruments();
        return value;
    }

    public void Dispose() => _listener.Dispose();
}
