using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Presence.AspNetCore;
using Presence.Node;
using Presence.Node.Feeds;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps presence over HTTP.</summary>
public static class PresenceEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps <c>GET PREFIX/{topic}</c>, <c>/{topic}/count</c>, <c>/{topic}/keys/{key}</c>, <c>/keys/{key}</c>,
    /// <c>/keys/{key}/topics</c>, the server-sent events <c>/{topic}/events</c> and <c>/keys/events</c> (also with
    /// <c>POST</c>), and <c>PUT</c> and <c>DELETE</c> <c>/{topic}/{key}</c>. Errors are problem details.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    /// <param name="prefix">The path before the topic, such as <c>/presence</c>.</param>
    /// <param name="configure">Configures policies and leases.</param>
    /// <returns>The group of all routes, for conventions such as policies, rate limits and CORS.</returns>
    /// <remarks>
    /// Works on a silo, on a node without Orleans, and in an Orleans client. Anybody may read and write what neither a
    /// policy nor an <see cref="IPresenceAuthorizer"/> protects.
    /// </remarks>
    /// <exception cref="InvalidOperationException"><c>AddPresence</c> was not called.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <example>
    /// <code>
    /// app.MapPresence("/presence", options =&gt; options.WritePolicy = "workers").RequireAuthorization();
    /// </code>
    /// </example>
    public static RouteGroupBuilder MapPresence(
        this IEndpointRouteBuilder endpoints, string prefix, Action<PresenceEndpointOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(prefix);
        if (endpoints.ServiceProvider.GetService<IServiceProviderIsService>()?.IsService(typeof(ChangeFeeds)) == false)
        {
            throw new InvalidOperationException(
                "MapPresence needs presence: call AddPresence on the silo, the Orleans client or the services.");
        }

        var options = new PresenceEndpointOptions();
        configure?.Invoke(options);
        options.Validate();

        var group = endpoints.MapGroup(prefix).WithTags("Presence").AddEndpointFilter(PresenceProblem.CatchAsync);
        Read<PageBody>("/{topic}", PresenceReads.PageAsync, "Lists the presences of a topic, a page at a time");
        Read<CountBody>("/{topic}/count", PresenceReads.CountAsync, "Counts the presences and the keys of a topic");
        Read<KeyInTopicBody>(
            "/{topic}/keys/{key}", PresenceReads.KeyInTopicAsync, "Lists the presences of one key in a topic")
            .ProducesProblem(StatusCodes.Status404NotFound)
            .ProducesProblem(StatusCodes.Status409Conflict);
        Read<KeyBody>("/keys/{key}", PresenceReads.KeyAsync, "Returns whether a key is present, and where");
        Read<KeyBody>("/keys/{key}/topics", PresenceReads.KeyAsync, "Lists the topics in which a key is present");
        Protect(group.MapGet("/{topic}/events", PresenceEvents.StreamAsync), options.ReadPolicy)
            .WithSummary("Sends the state of a topic and then its changes as server-sent events")
            .Produces<string>(StatusCodes.Status200OK, "text/event-stream")
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status403Forbidden)
            .ProducesProblem(StatusCodes.Status409Conflict)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        MapKeyEvents(group, options.ReadPolicy);
        if (options.AllowWrites)
        {
            var writes = new PresenceWrites(options);
            Protect(group.MapPut("/{topic}/{key}", writes.PutAsync), options.WritePolicy)
                .WithSummary("Makes a key present for some seconds; repeat it to stay")
                .Accepts<object>(isOptional: true, "application/json", "*/*")
                .Produces<LeaseBody>()
                .Produces<LeaseBody>(StatusCodes.Status201Created)
                .ProducesProblem(StatusCodes.Status400BadRequest)
                .ProducesProblem(StatusCodes.Status403Forbidden)
                .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
                .ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
                .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
            Protect(group.MapDelete("/{topic}/{key}", PresenceWrites.DeleteAsync), options.WritePolicy)
                .WithSummary("Ends a presence that PUT made")
                .Produces(StatusCodes.Status204NoContent)
                .ProducesProblem(StatusCodes.Status400BadRequest)
                .ProducesProblem(StatusCodes.Status403Forbidden)
                .ProducesProblem(StatusCodes.Status404NotFound)
                .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        }

        return group;

        RouteHandlerBuilder Read<T>(string pattern, Delegate handler, string summary) =>
            Protect(group.MapGet(pattern, handler), options.ReadPolicy)
                .WithSummary(summary)
                .Produces<T>()
                .ProducesProblem(StatusCodes.Status400BadRequest)
                .ProducesProblem(StatusCodes.Status403Forbidden)
                .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
    }

    private static void MapKeyEvents(RouteGroupBuilder group, string? policy)
    {
        const string Summary = "Sends which keys are present in some topics, and then changes, as server-sent events";
        Describe(group.MapGet("/keys/events", PresenceKeyEvents.GetAsync));
        Describe(group.MapPost("/keys/events", PresenceKeyEvents.PostAsync))
            .Accepts<KeyWatchBody>("application/json", "*/*")
            .ProducesProblem(StatusCodes.Status413PayloadTooLarge)
            .ProducesProblem(StatusCodes.Status415UnsupportedMediaType);

        RouteHandlerBuilder Describe(RouteHandlerBuilder route) => Protect(route, policy)
            .WithSummary(Summary)
            .Produces<string>(StatusCodes.Status200OK, "text/event-stream")
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status501NotImplemented)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
    }

    private static RouteHandlerBuilder Protect(RouteHandlerBuilder route, string? policy) =>
        policy is null ? route : route.RequireAuthorization(policy);
}
