using Presence.Grains.Tests.Client;

namespace Presence.Grains.Tests.Cluster;

/// <summary>A call filter of an application that rejects calls without a user.</summary>
[Trait("Category", "Orleans")]
public sealed class CallFilterTests
{
    [Fact]
    public async Task Filter_that_requires_a_user_lets_the_calls_between_silos_pass()
    {
        var filter = new UsersOnly();
        var user = new SetUser();
        await using var cluster = await PresenceCluster.StartAsync(
            3,
            configureSilo: silo => silo.Services.AddSingleton<IIncomingGrainCallFilter>(filter),
            configureClientHost: client => client.Services.AddSingleton<IOutgoingGrainCallFilter>(user));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => cluster.Client.TrackAsync("lobby", "nobody"));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(
            () => cluster.Client.SubscribeAsync("lobby", _ => default));
        Assert.NotEmpty(filter.Rejected);
        filter.Rejected.Clear();

        user.Name = "ann";
        var (observed, followed) = (new Ledger(), new Ledger());
        await using var observer = await cluster.Client.SubscribeAsync("lobby", observed.HandleAsync);
        await using var stream = await cluster.Client.SubscribeAsync(
            "lobby", followed.HandleAsync, SubscriptionKind.Stream);
        await using var tracked = await cluster.Client.TrackAsync("lobby", "by a client");
        using var session = cluster.ServiceOf<IPresenceNode>(cluster.Silos[0]).OpenSession();
        await cluster.TrackerOf(cluster.Silos[0]).TrackAsync(session, "lobby", "by a silo");
        foreach (var silo in cluster.Silos)
        {
            await cluster.ListsAsync(silo, "lobby", "by a client", "by a silo");
        }

        foreach (var ledger in new[] { observed, followed })
        {
            await ledger.JoinedAsync("by a client");
            await ledger.JoinedAsync("by a silo");
        }

        await cluster.Client.EvictAsync("lobby", "by a silo");
        await observed.LeftAsync("by a silo");
        Assert.Contains("Enqueue", filter.Internal.Keys);
        Assert.Empty(filter.Rejected);
    }

    /// <summary>The filter of docs/operations/security.md, which also counts.</summary>
    private sealed class UsersOnly : IIncomingGrainCallFilter
    {
        /// <summary>Gets the methods of the calls of presence itself.</summary>
        public ConcurrentDictionary<string, bool> Internal { get; } = new();

        public ConcurrentQueue<string> Rejected { get; } = new();

        public Task Invoke(IIncomingGrainCallContext context)
        {
            var target = context.InterfaceMethod?.DeclaringType;
            if (PresenceGrainCalls.IsInternal(context))
            {
                Internal[context.MethodName] = true;
                return context.Invoke();
            }

            if (target?.Namespace?.StartsWith("Orleans", StringComparison.Ordinal) == true
                || RequestContext.Get("user") is not null)
            {
                return context.Invoke();
            }

            Rejected.Enqueue($"{target}.{context.MethodName}");
            throw new UnauthorizedAccessException("This call has no user.");
        }
    }

    /// <summary>Sets the user of the calls of a client, also of those in the background.</summary>
    private sealed class SetUser : IOutgoingGrainCallFilter
    {
        public string? Name { get; set; }

        public Task Invoke(IOutgoingGrainCallContext context)
        {
            if (Name is { } name)
            {
                RequestContext.Set("user", name);
            }

            return context.Invoke();
        }
    }
}
