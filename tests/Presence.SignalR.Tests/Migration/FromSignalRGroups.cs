namespace Presence.SignalR.Tests.Migration;

public sealed class ChatHub(IPresenceNode node) : Hub
{
    private static readonly object SessionKey = new();

    public override async Task OnConnectedAsync()
    {
        var session = node.OpenSession(Context.ConnectionId);
        Context.Items[SessionKey] = session;
        await node.Tracker.TrackAsync(session, "chat", Context.UserIdentifier ?? Context.ConnectionId);
    }

    public override Task OnDisconnectedAsync(Exception? exception)
    {
        (Context.Items[SessionKey] as PresenceSession)?.End();
        return Task.CompletedTask;
    }

    public IEnumerable<string> Online() => node.Tracker.List("chat").Select(entry => entry.Key).Distinct();
}

public sealed class ChatPresence(IPresenceNode node, IHubContext<ChatHub> hub) : IPresenceHandler
{
    public async ValueTask HandleDiffAsync(PresenceDiff diff, CancellationToken cancellation)
    {
        foreach (var topic in diff.Topics)
        {
            var users = node.Tracker.KeyCount(topic.Topic);
            await hub.Clients.All.SendAsync("online", topic.Topic, users, cancellation);
        }
    }
}
