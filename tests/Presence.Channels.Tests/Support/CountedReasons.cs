using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Presence.Channels.Tests;

/// <summary>Hears the reasons that one counter of a host is given.</summary>
internal sealed class CountedReasons : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly List<string> _reasons = [];

    public CountedReasons(IServiceProvider services, string counter)
    {
        var meters = services.GetRequiredService<IMeterFactory>();
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, meters) && instrument.Name == counter)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
        {
            lock (_reasons)
            {
                _reasons.Add((string)tags[0].Value!);
            }
        });
        _listener.Start();
    }

    public string[] Reasons
    {
        get
        {
            lock (_reasons)
            {
                return [.. _reasons];
            }
        }
    }

    public void Dispose() => _listener.Dispose();
}
