using System.Diagnostics.Metrics;
using Presence.Node;

namespace Presence.Grains.Security;

/// <summary>Counts rejected calls.</summary>
internal sealed class CallInstruments : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _rejected;

    public CallInstruments(IMeterFactory? meters = null)
    {
        _meter = PresenceTelemetry.CreateMeter(meters, PresenceTelemetry.GrainsMeterName);
        _rejected = _meter.CreateCounter<long>(
            "presence.calls.rejected", "{call}", "Grain calls rejected, by reason.");
    }

    public void Rejected(CallRejection reason) => _rejected.Add(
        1, new KeyValuePair<string, object?>("reason", reason.ToString().ToLowerInvariant()));

    public void Dispose() => _meter.Dispose();
}
