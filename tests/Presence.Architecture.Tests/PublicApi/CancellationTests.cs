using Presence.Architecture.Tests.ProjectReferences;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>Every asynchronous call of the public API can be canceled.</summary>
public sealed class CancellationTests
{
    /// <summary>What is called by the libraries and not by applications: it has a context, or ends in time.</summary>
    private static readonly string[] Callbacks =
    [
        "Channel.AfterJoinAsync", "Channel.HandleInAsync", "Channel.HandleInfoAsync", "Channel.HandleOutAsync",
        "Channel.JoinAsync", "Channel.TerminateAsync", "PresenceSocket.ConnectAsync", "PresenceSocket.RenewAsync",
        "IClusterTransportReceiver.OnRequestAsync", "ILeadership.AbandonAsync", "ILeadership.EndAsync",
        "IPresenceAuthorizer.IsAllowedAsync", "IUniqueProcess.RunAsync", "IHubPresenceClient.PresenceCounts",
        "IHubPresenceClient.PresenceDiff", "IHubPresenceClient.PresenceMode", "IHubPresenceClient.PresenceState",
    ];

    public static TheoryData<string> Libraries => [.. Layering.Libraries.Except(["Presence.TestKit"])];

    /// <summary>
    /// Except calls of grains, which Orleans limits and <c>IPresenceClient</c> can cancel; those of a hub, which end
    /// with its connection; and the test kit, whose calls have a time limit.
    /// </summary>
    [Theory]
    [MemberData(nameof(Libraries))]
    public void Asynchronous_calls_take_a_cancellation_token(string project)
    {
        var found = Layering.Load(project).GetExportedTypes()
            .Where(type => type.Namespace?.StartsWith("OrleansCodeGen", StringComparison.Ordinal) is not true)
            .Where(type => type.GetInterfaces().All(i => i.FullName is not "Orleans.Runtime.IAddressable"))
            .SelectMany(type => type.GetMethods(
                BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static
                | BindingFlags.DeclaredOnly))
            .Where(method => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly)
            .Where(method => IsAsynchronous(method.ReturnType) && method.Name != nameof(IAsyncDisposable.DisposeAsync))
            .Where(method => method.GetParameters().All(parameter =>
                parameter.ParameterType != typeof(CancellationToken) && !IsBoundedByItsOwner(parameter.ParameterType)))
            .Select(method => $"{method.DeclaringType!.Name}.{method.Name}")
            .Except(Callbacks);
        Findings.MustBeNone(found.Distinct(), "Add a parameter 'CancellationToken cancellation = default'.");
    }

    [Fact]
    public void Listed_callbacks_exist()
    {
        var methods = Layering.Libraries.SelectMany(project => Layering.Load(project).GetExportedTypes())
            .SelectMany(type => type.GetMethods(
                BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Select(method => $"{method.DeclaringType!.Name}.{method.Name}")
            .ToHashSet();
        Findings.MustBeNone(Callbacks.Where(name => !methods.Contains(name)), "Remove the name from the list.");
    }

    private static bool IsAsynchronous(Type type) =>
        type.IsAssignableTo(typeof(Task))
        || type == typeof(ValueTask)
        || (type.IsGenericType && type.GetGenericTypeDefinition() is var definition
            && (definition == typeof(ValueTask<>) || definition == typeof(IAsyncEnumerable<>)));

    /// <summary>A hub ends with its connection, and a call of a grain with its timeout.</summary>
    private static bool IsBoundedByItsOwner(Type type) =>
        type.FullName == "Microsoft.AspNetCore.SignalR.Hub" || type.Name == "ITopicPresenceGrain";
}
