using System.Collections.Concurrent;

namespace Presence.AspNetCore.Tests;

public sealed class AuthorizationTests
{
    private static readonly (string Method, string Path, PresenceAccess Access)[] Requests =
    [
        ("GET", "/presence/lobby", new(PresenceOperation.Read, "lobby", null)),
        ("GET", "/presence/lobby/count", new(PresenceOperation.Read, "lobby", null)),
        ("GET", "/presence/lobby/keys/ann", new(PresenceOperation.Read, "lobby", "ann")),
        ("GET", "/presence/keys/ann", new(PresenceOperation.Read, null, "ann")),
        ("GET", "/presence/keys/ann/topics", new(PresenceOperation.Read, null, "ann")),
        ("GET", "/presence/lobby/events", new(PresenceOperation.Subscribe, "lobby", null)),
        ("PUT", "/presence/lobby/ann", new(PresenceOperation.Track, "lobby", "ann")),
        ("DELETE", "/presence/lobby/ann", new(PresenceOperation.Untrack, "lobby", "ann")),
    ];

    [Fact]
    public async Task Authorizer_is_asked_for_each_request_with_its_user_and_can_reject_it()
    {
        var authorizer = new Rejecting();
        await using var host = await WebHost.StartNodeAsync(
            services: services => services.AddSingleton<IPresenceAuthorizer>(authorizer));
        host.Http.DefaultRequestHeaders.Add("X-User", "eve");
        foreach (var (method, path, access) in Requests)
        {
            var response = await host.Http.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));
            await WebHost.ProblemAsync(HttpStatusCode.Forbidden, response);
            var asked = authorizer.Asked.Last();
            Assert.Equal("eve", asked.User!.Identity!.Name);
            Assert.Equal(access, asked with { User = null });
        }

        Assert.Equal(0, host.Node.Tracker.Count("lobby"));
    }

    [Fact]
    public async Task Policies_apply_to_the_group_and_to_reads_and_writes()
    {
        await using var host = await WebHost.StartAsync(
            builder => builder.Services.AddPresence(),
            app => app.MapPresence("/presence", options => options.WritePolicy = "workers")
                .RequireAuthorization("members"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(HttpMethod.Get, null));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(HttpMethod.Get, "ann"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(HttpMethod.Put, "ann", "/job"));
        Assert.Equal(HttpStatusCode.Created, await StatusAsync(HttpMethod.Put, "worker", "/job"));

        async Task<HttpStatusCode> StatusAsync(HttpMethod method, string? user, string path = "")
        {
            using var request = new HttpRequestMessage(method, "/presence/jobs" + path);
            if (user is not null)
            {
                request.Headers.Add("X-User", user);
            }

            return (await host.Http.SendAsync(request)).StatusCode;
        }
    }

    private sealed class Rejecting : IPresenceAuthorizer
    {
        public ConcurrentQueue<PresenceAccess> Asked { get; } = new();

        public ValueTask<bool> IsAllowedAsync(PresenceAccess access)
        {
            Asked.Enqueue(access);
            return new(false);
        }
    }
}
