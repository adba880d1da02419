using System.Collections.Concurrent;

namespace Presence.SignalR.Tests;

/// <summary>A stock .NET client with the reducer of the documents.</summary>
internal sealed class HubUser : IAsyncDisposable
{
    private readonly Dictionary<string, (string Key, JsonElement Meta)> _people = [];
    private volatile Exception? _closed;

    private HubUser(Microsoft.AspNetCore.SignalR.Client.HubConnection connection) => Connection = connection;

    public Microsoft.AspNetCore.SignalR.Client.HubConnection Connection { get; }

    /// <summary>Gets what happened, such as <c>joined ann first</c>.</summary>
    public Awaited<string> Events { get; } = new();

    /// <summary>Gets the keys after each message.</summary>
    public Awaited<string> Keys { get; } = new();

    public ConcurrentQueue<JsonElement> Metas { get; } = new();

    public static async Task<HubUser> ConnectAsync(string url, bool messagePack, bool statefulReconnect = false)
    {
        var builder = new HubConnectionBuilder().WithUrl(url);
        builder = statefulReconnect ? builder.WithStatefulReconnect() : builder;
        var user = new HubUser((messagePack ? builder.AddMessagePackProtocol() : builder).Build());
        user.Connection.On<HubPresenceState>("PresenceState", user.OnState);
        user.Connection.On<HubPresenceDiff>("PresenceDiff", user.OnDiff);
        user.Connection.Closed += error =>
        {
            user._closed = error;
            return Task.CompletedTask;
        };
        await user.Connection.StartAsync();
        return user;
    }

    public async Task InvokeAsync(string method, params object?[] arguments)
    {
        try
        {
            await Connection.InvokeCoreAsync(method, arguments);
        }
        catch (InvalidOperationException e) when (_closed is not null)
        {
            throw new InvalidOperationException($"The connection was closed: {_closed}", e);
        }
    }

    public Task<T> InvokeAsync<T>(string method, params object?[] arguments) =>
        Connection.InvokeCoreAsync<T>(method, arguments);

    public Task UntilKeysAsync(params string[] keys) => Keys.FirstAsync(
        all => all == string.Join(",", keys), $"the keys are {string.Join(",", keys)}");

    /// <summary>Ends the connection as a crash does.</summary>
    public ValueTask DisposeAsync() => Connection.DisposeAsync();

    private void OnState(HubPresenceState state)
    {
        lock (_people)
        {
            _people.Clear();
            foreach (var item in state.Presences)
            {
                Set(item.Ref, item.Key, item.Meta);
            }

            Record("state");
        }
    }

    private void OnDiff(HubPresenceDiff diff)
    {
        lock (_people)
        {
            var events = new List<string>();
            foreach (var change in diff.Changes)
            {
                Assert.True(change.Kind == "joined" || _people.Remove(change.PreviousRef ?? change.Ref));
                if (change.Kind != "left")
                {
                    Set(change.Ref, change.Key, change.Meta);
                }

                var mark = change.First ? " first" : change.Last ? $" last {change.Reason}"
                    : change.Reason == "outOfView" ? " outOfView" : "";
                events.Add($"{change.Kind} {change.Key}{mark}");
            }

            Keys.Add(string.Join(",", _people.Values.Select(p => p.Key).Distinct().Order(StringComparer.Ordinal)));
            events.ForEach(Events.Add);
        }
    }

    private void Set(string reference, string key, IReadOnlyDictionary<string, object?> meta)
    {
        var json = JsonSerializer.SerializeToElement(meta);
        Metas.Enqueue(json);
        _people[reference] = (key, json);
    }

    private void Record(string what)
    {
        Events.Add(what);
        Keys.Add(string.Join(",", _people.Values.Select(p => p.Key).Distinct().Order(StringComparer.Ordinal)));
    }
}
