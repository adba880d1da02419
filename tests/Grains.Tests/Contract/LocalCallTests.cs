using Orleans.Serialization;
using Orleans.Serialization.Cloning;

namespace Presence.Grains.Tests.Contract;

/// <summary>What a grain of the same silo gets of the arguments and results of its calls.</summary>
public sealed class LocalCallTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddSerializer().BuildServiceProvider();

    private DeepCopier Copier => _services.GetRequiredService<DeepCopier>();

    public void Dispose() => _services.Dispose();

    [Theory]
    [InlineData(typeof(PresenceMeta))]
    [InlineData(typeof(PresenceEntry))]
    [InlineData(typeof(PresenceChange))]
    [InlineData(typeof(TrackRequest))]
    public void Immutable_values_are_not_copied(Type type)
    {
        var copier = _services.GetRequiredService<IDeepCopierProvider>().GetDeepCopier(type);
        Assert.True(copier is IOptionalDeepCopier optional && optional.IsShallowCopyable());
    }

    [Fact]
    public void Metadata_keeps_its_bytes()
    {
        var meta = PresenceMeta.Parse("""{"status":"away"}""");
        Assert.Equal(meta.Utf8, Copier.Copy(meta).Utf8);
    }

    [Fact]
    public void Entries_of_a_list_stay_the_same()
    {
        var entry = new PresenceEntry(new ReplicaId("node", 1), 1, 1, 0, 1, "lobby", "ann", meta: default);
        IReadOnlyList<PresenceEntry> list = new[] { entry };
        Assert.Same(entry, Assert.Single(Copier.Copy(list)));
    }
}
