namespace Presence.SignalR.Tests.Migration;

public sealed class FromSignalRGroupsTests
{
    [Fact]
    public void Guide_has_the_code_that_runs_here() =>
        GuideCode.MustBeIn("migration/from-signalr-groups.md", "FromSignalRGroups.cs");

    [Fact]
    public async Task Hub_of_the_guide_lists_the_users_of_two_servers_and_tells_each_server_s_clients()
    {
        await using var servers = await HubServers.StartAsync(2);
        for (var i = 0; i < 2; i++)
        {
            var hub = servers.Services(i).GetRequiredService<IHubContext<ChatHub>>();
            await servers.Node(i).Tracker.AddHandlerAsync(new ChatPresence(servers.Node(i), hub));
        }

        await using var ann = await servers.ConnectAsync(0, "ann", hub: "chat");
        var counts = new Awaited<int>();
        ann.Connection.On<string, int>("online", (_, users) => counts.Add(users));
        await using (var bob = await servers.ConnectAsync(1, "bob", hub: "chat"))
        {
            await counts.FirstAsync(users => users == 2);
            await servers.UntilKeysAsync(1, "chat", "ann", "bob");
            Assert.Equal(["ann", "bob"], await bob.InvokeAsync<string[]>("Online"));
        }

        await servers.UntilKeysAsync(0, "chat", "ann");
        Assert.Equal(["ann"], await ann.InvokeAsync<string[]>("Online"));
        await counts.FirstAsync(users => users == 1);
    }
}
