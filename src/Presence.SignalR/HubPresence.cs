using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.SignalR;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Presence.Node;
using Presence.Node.Feeds;
using Presence.Node.KeyWatching;
using Presence.Tracker;

namespace Presence.SignalR;

/// <summary>See <see cref="IHubPresence"/>.</summary>
internal sealed class HubPresence(
    IPresenceSource source,
    ChangeFeeds feeds,
    IOptions<HubPresenceOptions> options,
    IDataProtectionProvider protection,
    ILogger<HubPresence> log,
    IPresenceAuthorizer? authorizer = null) : IHubPresence
{
    private const int MaxPage = 1000;

    private static readonly TimeSpan TokenLifetime = TimeSpan.FromHours(24);

    private readonly ITimeLimitedDataProtector _tokens =
        protection.CreateProtector("Presence.SignalR.Resume").ToTimeLimitedDataProtector();

    public Task TrackAsync(Hub hub, string topic, string key, PresenceMeta meta = default) =>
        AsHubErrorsAsync(async () =>
        {
            await RequireAsync(hub, PresenceOperation.Track, topic, key);
            await ConnectionOf(hub).TrackAsync(() => source.OpenSession(OptionsOf(hub, default)), topic, key, meta);
            return true;
        });

    public Task UpdateAsync(Hub hub, string topic, string key, PresenceMeta meta) =>
        UpdateAsync(hub, topic, key, _ => meta);

    public Task UpdateAsync(Hub hub, string topic, string key, Func<PresenceMeta, PresenceMeta> update)
    {
        ArgumentNullException.ThrowIfNull(update);
        return AsHubErrorsAsync(async () =>
        {
            await RequireAsync(hub, PresenceOperation.Update, topic, key);
            await ConnectionOf(hub).UpdateAsync(topic, key, update);
            return true;
        });
    }

    public Task<bool> UntrackAsync(Hub hub, string topic, string key) => AsHubErrorsAsync(async () =>
    {
        await RequireAsync(hub, PresenceOperation.Untrack, topic, key);
        return await ConnectionOf(hub).UntrackAsync(topic, key);
    });

    public Task LeaveAsync(Hub hub) => AsHubErrorsAsync(async () =>
    {
        await ConnectionOf(hub).LeaveAsync();
        return true;
    });

    public Task PushPresenceAsync(Hub hub, string topic, PresenceView? view) => AsHubErrorsAsync(async () =>
    {
        await RequireAsync(hub, PresenceOperation.Subscribe, topic, null);
        await ConnectionOf(hub).PushAsync(
            topic, async cancellation => await feeds.OpenAsync(topic, view, null, cancellation));
        return true;
    });

    public Task<bool> StopPushAsync(Hub hub, string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return AsHubErrorsAsync(() => ConnectionOf(hub).StopPushAsync(topic));
    }

    public IAsyncEnumerable<HubPresenceMessage> SubscribeAsync(
        Hub hub, string topic, CancellationToken cancellation = default) =>
        SubscribeAsync(hub, topic, null, HubMessages.Item, cancellation);

    public IAsyncEnumerable<HubPresenceMessage> SubscribeAsync(
        Hub hub, string topic, PresenceView view, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(view);
        return SubscribeAsync(hub, topic, view, HubMessages.Item, cancellation);
    }

    public IAsyncEnumerable<HubPresenceChanges<T>> SubscribeAsync<T>(
        Hub hub, Topic<T> topic, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(topic);
        return SubscribeAsync(hub, topic.Name, null, message => HubMessages.Read(message, topic), cancellation);
    }

    private async IAsyncEnumerable<T> SubscribeAsync<T>(
        Hub hub,
        string topic,
        PresenceView? view,
        Func<FeedMessage, T?> convert,
        [EnumeratorCancellation] CancellationToken cancellation)
        where T : class
    {
        using var reading = await AsHubErrorsAsync(async () =>
        {
            await RequireAsync(hub, PresenceOperation.Subscribe, topic, null);
            return await feeds.OpenAsync(topic, view, null, cancellation);
        });
        await foreach (var message in reading.ReadAsync(cancellation))
        {
            if (message is not null && convert(message) is { } item)
            {
                yield return item;
            }
        }
    }

    public IAsyncEnumerable<HubKeyChanges> WatchKeysAsync(
        Hub hub, IReadOnlyCollection<string> keys, string within, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(hub);
        var watches = source.KeyWatches
            ?? throw new HubException("Keys can be watched on a silo or a node; this server is an Orleans client.");
        try
        {
            return WatchKeysAsync(hub, watches, watches.Check(keys, within), cancellation);
        }
        catch (Exception e) when (e is ArgumentException or CountsOnlyTopicException)
        {
            throw new HubException(e.Message, e);
        }
    }

    private async IAsyncEnumerable<HubKeyChanges> WatchKeysAsync(
        Hub hub,
        KeyWatches watches,
        KeyWatchRequest request,
        [EnumeratorCancellation] CancellationToken cancellation)
    {
        var connection = ConnectionOf(hub);
        connection.BeginKeyWatch();
        try
        {
            using var watch = await AsHubErrorsAsync(
                () => watches.OpenAsync(request, authorizer, hub.Context.User, cancellation).AsTask());
            var isState = true;
            await foreach (var changes in watch.ReadAsync(cancellation))
            {
                if (changes is not null)
                {
                    var parts = changes.ToLookup(change => change.IsPresent, change => change.Key);
                    yield return new HubKeyChanges(isState, [.. parts[true]], [.. parts[false]]);
                    isState = false;
                }
            }
        }
        finally
        {
            connection.EndKeyWatch();
        }
    }

    public Task<IReadOnlyList<HubPresenceItem>> ListAsync(Hub hub, string topic) => AsHubErrorsAsync(async () =>
    {
        await RequireAsync(hub, PresenceOperation.Read, topic, null);
        if (source.AdaptiveOf(topic) is { IsCountsOnly: true })
        {
            throw new CountsOnlyTopicException(topic);
        }

        var items = new List<HubPresenceItem>();
        string? after = null;
        do
        {
            var page = await source.PageAsync(topic, after, MaxPage, hub.Context.ConnectionAborted);
            items.AddRange(page.Entries.Select(HubMessages.Convert));
            after = page.Next;
        }
        while (after is not null);
        return (IReadOnlyList<HubPresenceItem>)items;
    });

    public Task<HubPresencePage> PageAsync(Hub hub, string topic, string? after = null, int limit = 100) =>
        AsHubErrorsAsync(async () =>
        {
            await RequireAsync(hub, PresenceOperation.Read, topic, null);
            if (limit is < 1 or > MaxPage)
            {
                throw new HubException($"A page has 1 to {MaxPage} keys.");
            }

            var page = await source.PageAsync(topic, after, limit, hub.Context.ConnectionAborted);
            return new HubPresencePage([.. page.Entries.Select(HubMessages.Convert)], page.Next);
        });

    public Task<string?> ResumeAsync(Hub hub, string? token, Func<Task> join)
    {
        ArgumentNullException.ThrowIfNull(join);
        return AsHubErrorsAsync(async () =>
        {
            ArgumentNullException.ThrowIfNull(hub);
            var (owner, resumed) = (OwnerOf(hub), OptionsOf(hub, options.Value.Grace));
            var session = await ConnectionOf(hub).BeginAsync(
                cancellation => source.ResumeAsync(Unprotect(token, owner), resumed, cancellation));
            await join();
            await session.CompleteResumeAsync();
            ConnectionOf(hub).ConfirmLater();
            return session.Token is { } next ? Protect(next, owner) : null;
        });
    }

    /// <summary>Returns for whom a token is: the user and the type of the hub.</summary>
    private static string OwnerOf(Hub hub) => $"{hub.GetType().FullName}\n{hub.Context.UserIdentifier}";

    private static async Task<T> AsHubErrorsAsync<T>(Func<Task<T>> action)
    {
        try
        {
            return await action();
        }
        catch (UnauthorizedAccessException)
        {
            throw new HubException("The presence authorizer does not allow this to the caller.");
        }
        catch (Exception e) when (e is PresenceLimitException or PresenceMetaException or PresenceViewException
            or AlreadyTrackedException
            or NotTrackedException or PresenceOverloadException or SessionMovedException or TimeoutException
            or CountsOnlyTopicException)
        {
            throw new HubException(e.Message, e);
        }
    }

    private HubConnection ConnectionOf(Hub hub) => HubConnection.Of(hub, options.Value, log);

    private PresenceSessionOptions OptionsOf(Hub hub, TimeSpan grace) => new()
    {
        Label = $"hub {hub.Context.ConnectionId}",
        Grace = grace,
        OnMessage = ConnectionOf(hub).Receive,
    };

    private async ValueTask RequireAsync(Hub hub, PresenceOperation operation, string topic, string? key)
    {
        ArgumentNullException.ThrowIfNull(hub);
        ArgumentNullException.ThrowIfNull(topic);
        var access = new PresenceAccess(operation, topic, key) { User = hub.Context.User };
        if (authorizer is not null && !await authorizer.IsAllowedAsync(access))
        {
            throw new UnauthorizedAccessException();
        }
    }

    private string Protect(byte[] token, string owner) => _tokens.Protect(
        $"{Convert.ToBase64String(token)}:{owner}", TokenLifetime);

    /// <summary>Returns the token; null if it is none, not of this owner, or too old.</summary>
    private byte[]? Unprotect(string? token, string owner)
    {
        if (token is null)
        {
            return null;
        }

        try
        {
            return _tokens.Unprotect(token).Split(':', 2) is [var bytes, var of] && of == owner
                ? Convert.FromBase64String(bytes)
                : null;
        }
        catch (Exception e) when (e is CryptographicException or FormatException or DecoderFallbackException)
        {
            return null;
        }
    }
}
