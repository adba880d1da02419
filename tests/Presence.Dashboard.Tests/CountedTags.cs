using System.Diagnostics.Metrics;

namespace Presence.Dashboard.Tests;

/// <summary>What one counter was told: the value of the first tag, once for each.</summary>
internal sealed class CountedTags : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly List<string?> _tags = [];

    public CountedTags(IMeterFactory meters, string counter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == counter && ReferenceEquals(instrument.Meter.Scope, meters))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, _) =>
        {
            lock (_tags)
            {
                _tags.AddRange(Enumerable.Repeat(tags[0].Value?.ToString(), (int)value));
            }
        });
        _listener.Start();
    }

    public IReadOnlyList<string?> Tags
    {
        get
        {
            lock (_tags)
            {
                return [.. _tags];
            }
        }
    }

    public void Dispose() => _listener.Dispose();
}
