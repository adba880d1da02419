using Orleans.Runtime.Placement;
using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Topics;

/// <summary>Presences of grains that migrate, with a grace.</summary>
[Trait("Category", "Orleans")]
public sealed class GrainGraceTests
{
    [Fact]
    public async Task Presence_of_a_grain_migrates_with_it_and_nobody_sees_it()
    {
        await using var cluster = await PresenceCluster.StartAsync(2, o => o.GrainGrace = TimeSpan.FromSeconds(60));
        var grain = cluster.Orleans.Client.GetGrain<IMovingGrain>("bob");
        var before = await grain.Where();
        var target = cluster.Silos.Single(s => s.SiloAddress.ToParsableString() != before);
        await cluster.ListsAsync(target, "lobby", "bob");
        var first = cluster.TrackerOf(target).List("lobby").Single();
        var changes = new Awaited<PresenceChange>();
        using var watching = cluster.TrackerOf(target).Subscribe(
            "lobby", d => d.Changes.ToList().ForEach(changes.Add));

        await grain.Move(target.SiloAddress);
        await TestTimeouts.UntilAsync(
            "it is there",
            TimeSpan.FromSeconds(60),
            () => cluster.TrackerOf(target).List("lobby").All(e => e.Owner.Node != first.Owner.Node));
        Assert.Equal(target.SiloAddress.ToParsableString(), await grain.Where());

        // One real change proves that the observer was not deaf.
        await grain.Change("""{"a":1}""");
        var seen = await changes.FirstAsync(c => c.Entry.Meta == PresenceMeta.Parse("""{"a":1}"""));
        Assert.Equal((PresenceChangeKind.Updated, first.Ref), (seen.Kind, seen.LastShown!.Ref));
        Assert.Single(changes.All);
    }

    [Fact]
    public async Task Grain_is_present_in_a_named_tracker_until_it_is_deactivated()
    {
        await using var cluster = await PresenceCluster.StartAsync(1, configureNode: o => o.AddTracker("carts"));
        var carts = cluster.ServiceOf<IPresenceNode>(cluster.Silos[0]).GetTracker("carts");
        await cluster.Orleans.Client.GetGrain<IMovingGrain>("bob").Fill("cart");
        Assert.Equal(["bob"], carts.List("cart").Select(e => e.Key));
        Assert.Equal(["lobby"], cluster.TrackerOf(cluster.Silos[0]).TopicsOf("bob"));
        await cluster.Orleans.Client.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
        await TestTimeouts.UntilAsync("it has left", TimeSpan.FromSeconds(60), () => carts.Count("cart") == 0);
    }
}

[Alias("presence.tests.moving")]
public interface IMovingGrain : IGrainWithStringKey
{
    [Alias("Where")]
    Task<string> Where();

    [Alias("Move")]
    Task Move(SiloAddress target);

    [Alias("Change")]
    Task Change(string meta);

    [Alias("Fill")]
    Task Fill(string cart);
}

public sealed class MovingGrain(ILocalSiloDetails silo, IPresenceNode node) :
    Grain, IMovingGrain, IGrainMigrationParticipant
{
    private byte[]? _token;

    public void OnDehydrate(IDehydrationContext dehydrationContext) =>
        dehydrationContext.TryAddValue("presence", this.GetPresenceToken());

    public void OnRehydrate(IRehydrationContext rehydrationContext) =>
        rehydrationContext.TryGetValue("presence", out _token);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        await this.ResumePresenceAsync(_token, cancellationToken);
        await this.TrackPresenceAsync(
            "lobby", this.GetPrimaryKeyString(), cancellation: cancellationToken);
    }

    public Task<string> Where() => Task.FromResult(silo.SiloAddress.ToParsableString());

    public Task Move(SiloAddress target)
    {
        RequestContext.Set(IPlacementDirector.PlacementHintKey, target);
        this.MigrateOnIdle();
        return Task.CompletedTask;
    }

    public async Task Fill(string cart) => await node.GetTracker("carts").TrackAsync(
        this.GetPresenceSession(), cart, this.GetPrimaryKeyString());

    public async Task Change(string meta) => await this.UpdatePresenceAsync(
        "lobby", this.GetPrimaryKeyString(), PresenceMeta.Parse(meta));
}
