namespace Presence.Silo.Tests.Clustering;

/// <summary>The options of a run out of a few settings.</summary>
internal static class Options
{
    public static SiloOptions Read(params ReadOnlySpan<(string Key, string Value)> settings)
    {
        var values = new Dictionary<string, string?>();
        foreach (var (key, value) in settings)
        {
            values[key] = value;
        }

        return SiloOptions.Read(new ConfigurationBuilder().AddInMemoryCollection(values).Build());
    }
}
