using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Presence.Grains.Security;

namespace Presence.Grains.Tests.Security;

public sealed class ClusterCallFilterRegistrationTests
{
    private const string Key = "the secret of this cluster, 32 bytes and more";

    [Fact]
    public void Silo_without_key_filters_no_outgoing_calls()
    {
        using var host = Silo(silo => silo.AddPresence(o => o.MaxLeases = 7));
        Assert.Empty(host.Services.GetServices<IOutgoingGrainCallFilter>());
        Assert.Contains(host.Services.GetServices<IIncomingGrainCallFilter>(), filter => filter is ClusterCallFilter);
        host.Services.GetRequiredService<IStartupValidator>().Validate();
        Assert.Equal(7, host.Services.GetRequiredService<IOptions<PresenceOrleansOptions>>().Value.MaxLeases);
    }

    [Fact]
    public void Key_of_the_configuration_signs_outgoing_calls() =>
        Signs(silo => silo.AddPresence(), ("Presence:Orleans:ClusterKey", Key));

    [Fact]
    public void Key_set_by_the_argument_of_AddPresence_signs_outgoing_calls() =>
        Signs(silo => silo.AddPresence(o => o.ClusterKey = Key));

    [Fact]
    public void Key_set_by_earlier_code_signs_outgoing_calls() =>
        Signs(silo =>
        {
            silo.Services.PostConfigure<PresenceOrleansOptions>(o => o.ClusterKey = Key);
            silo.AddPresence();
        });

    [Fact]
    public void Key_set_later_fails_the_start()
    {
        using var host = Silo(silo =>
        {
            silo.AddPresence();
            silo.Services.Configure<PresenceOrleansOptions>(o => o.ClusterKey = Key);
        });
        var error = Assert.Throws<OptionsValidationException>(
            host.Services.GetRequiredService<IStartupValidator>().Validate);
        Assert.Contains("Presence:Orleans:ClusterKey was set after AddPresence", error.Message);
    }

    private static void Signs(Action<ISiloBuilder> configure, params (string Key, string Value)[] settings)
    {
        using var host = Silo(configure, settings);
        Assert.IsType<ClusterCallFilter>(Assert.Single(host.Services.GetServices<IOutgoingGrainCallFilter>()));
        host.Services.GetRequiredService<IStartupValidator>().Validate();
    }

    private static IHost Silo(Action<ISiloBuilder> configure, params (string Key, string Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(s => s.Key, s => (string?)s.Value));
        builder.UseOrleans(silo => configure(silo.UseLocalhostClustering()));
        return builder.Build();
    }
}
