using System.Diagnostics.Metrics;

namespace Presence.Node.LastSeenTimes;

/// <summary>Instruments of the store of last times.</summary>
internal sealed class LastSeenInstruments : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _dropped;

    public LastSeenInstruments(IMeterFactory? meters)
    {
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.TrackerMeterName);
        _failures = _meter.CreateCounter<long>(
            "presence.last_seen.failures", "{write}", "Writes that the store did not take, which are repeated");
        _dropped = _meter.CreateCounter<long>(
            "presence.last_seen.dropped", "{key}", "Times dropped because too many waited for the store");
    }

    public void Failed() => _failures.Add(1);

    public void Dropped(int keys) => _dropped.Add(keys);

    public void Dispose() => _meter.Dispose();
}
