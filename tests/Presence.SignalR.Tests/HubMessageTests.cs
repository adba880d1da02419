using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging.Abstractions;

namespace Presence.SignalR.Tests;

public sealed class HubMessageTests
{
    private readonly SessionMessage _message = SessionMessage.From("hello", 1);

    [Fact]
    public void Messages_to_a_client_that_does_not_read_are_not_accepted_beyond_the_bound()
    {
        var client = new Proxies();
        using var context = new Context();
        using var hub = new OneHub { Context = context, Clients = client };
        var connection = Presence.SignalR.HubConnection.Of(hub, new HubPresenceOptions(), NullLogger.Instance);
        var accepted = Enumerable.Range(0, 150).Count(_ => connection.Receive(_message));
        Assert.Equal((100, 100), (accepted, client.Sent));
        client.Reading.SetResult();
        Assert.True(connection.Receive(_message));
        context.Abort();
        Assert.False(connection.Receive(_message));
    }

    private sealed class OneHub : Hub;

    private sealed class Context : HubCallerContext, IDisposable
    {
        private readonly CancellationTokenSource _aborted = new();

        public override string ConnectionId => "1";

        public override string? UserIdentifier => null;

        public override ClaimsPrincipal? User => null;

        public override IDictionary<object, object?> Items { get; } = new Dictionary<object, object?>();

        public override IFeatureCollection Features { get; } = new FeatureCollection();

        public override CancellationToken ConnectionAborted => _aborted.Token;

        public override void Abort() => _aborted.Cancel();

        public void Dispose() => _aborted.Dispose();
    }

    private sealed class Proxies : IHubCallerClients, ISingleClientProxy
    {
        public TaskCompletionSource Reading { get; } = new();

        public int Sent { get; private set; }

        public ISingleClientProxy Caller => this;

        IClientProxy IHubCallerClients<IClientProxy>.Caller => this;

        public IClientProxy Others => this;

        public IClientProxy All => this;

        public Task SendCoreAsync(string method, object?[] args, CancellationToken cancellationToken = default)
        {
            Sent++;
            return Reading.Task;
        }

        public Task<T> InvokeCoreAsync<T>(string method, object?[] args, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        IClientProxy IHubClients<IClientProxy>.Client(string connectionId) => this;

        public IClientProxy OthersInGroup(string groupName) => this;

        public IClientProxy AllExcept(IReadOnlyList<string> excludedConnectionIds) => this;

        public IClientProxy Clients(IReadOnlyList<string> connectionIds) => this;

        public IClientProxy Group(string groupName) => this;

        public IClientProxy Groups(IReadOnlyList<string> groupNames) => this;

        public IClientProxy GroupExcept(string groupName, IReadOnlyList<string> excludedConnectionIds) => this;

        public IClientProxy User(string userId) => this;

        public IClientProxy Users(IReadOnlyList<string> userIds) => this;
    }
}
