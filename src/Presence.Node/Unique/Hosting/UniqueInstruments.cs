using System.Diagnostics.Metrics;
using System.Text.Json;

namespace Presence.Node.Unique.Hosting;

internal sealed class UniqueInstruments : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _starts;
    private readonly Counter<long> _stops;
    private readonly Counter<long> _failures;
    private readonly Counter<long> _abandoned;
    private int _running;

    public UniqueInstruments(IMeterFactory? meters)
    {
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.UniqueMeterName);
        Counter<long> Count(string name, string unit, string description) =>
            _meter.CreateCounter<long>($"presence.unique.{name}", unit, description);

        _starts = Count("starts", "{start}", "Unique processes started on this node");
        _stops = Count("stops", "{stop}", "Unique processes requested to stop on this node, by reason");
        _failures = Count("failures", "{failure}", "Unique processes that ended with an exception");
        _abandoned = Count("abandoned", "{process}", "Unique processes that did not end on request");
        _meter.CreateObservableGauge(
            "presence.unique.running", () => _running, "{process}", "Unique processes running on this node");
    }

    public void Started()
    {
        _starts.Add(1);
        Interlocked.Increment(ref _running);
    }

    public void Stopping(UniqueStopReason reason)
    {
        var name = JsonNamingPolicy.SnakeCaseLower.ConvertName(reason.ToString());
        _stops.Add(1, new KeyValuePair<string, object?>("reason", name));
    }

    public void Ended() => Interlocked.Decrement(ref _running);

    public void Failed() => _failures.Add(1);

    public void Abandoned() => _abandoned.Add(1);

    public void Dispose() => _meter.Dispose();
}
