using System.Globalization;

namespace Presence.Grains.Tests.Topics;

/// <summary>Grain storage outside the silos, like a database: it survives them.</summary>
internal sealed class SurvivingStorage : IGrainStorage
{
    private readonly ConcurrentDictionary<(string, GrainId), (object State, string ETag)> _all = new();
    private int _etags;

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (_all.TryGetValue((stateName, grainId), out var found))
        {
            (grainState.State, grainState.ETag, grainState.RecordExists) = ((T)found.State, found.ETag, true);
        }

        return Task.CompletedTask;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var etag = Interlocked.Increment(ref _etags).ToString(CultureInfo.InvariantCulture);
        _all[(stateName, grainId)] = (grainState.State!, etag);
        (grainState.ETag, grainState.RecordExists) = (etag, true);
        return Task.CompletedTask;
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _all.TryRemove((stateName, grainId), out _);
        (grainState.ETag, grainState.RecordExists) = (null!, false);
        return Task.CompletedTask;
    }
}
