namespace Presence.Grains.Tests.Clustering;

/// <summary>Plans of silos.</summary>
internal static class Plans
{
    public static SiloPlan Of(int http, int count = 1, Action<SiloClusterOptions>? configure = null) =>
        new(count, http, null, Options(configure));

    public static SiloClusterOptions Options(Action<SiloClusterOptions>? configure = null)
    {
        var options = new SiloClusterOptions();
        configure?.Invoke(options);
        options.Validate();
        return options;
    }
}
