using System.Text.Json;

namespace Presence.Silo.Tests.Configuration;

/// <summary>What the runtime of the published host is configured with, as the page about tuning says.</summary>
public sealed class HostRuntimeTests
{
    [Theory]
    [InlineData("System.GC.DynamicAdaptationMode", 0)]
    [InlineData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", 0)]
    public async Task Host_has_the_documented_setting(string name, int value)
    {
        var file = Path.Combine(AppContext.BaseDirectory, "Presence.Silo.runtimeconfig.json");
        using var settings = JsonDocument.Parse(await File.ReadAllTextAsync(file));
        var properties = settings.RootElement.GetProperty("runtimeOptions").GetProperty("configProperties");
        Assert.Equal(value, properties.GetProperty(name).GetInt32());
    }
}
