using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Npgsql;
using Presence.Postgres;

namespace Presence.Silo.Nodes;

/// <summary>Explains in one line why a node cannot start.</summary>
internal static class StartFailure
{
    /// <summary>Converts an exception; <paramref name="node"/> is null before the first node.</summary>
    public static SiloStartException Describe(Exception e, NodeHost? node) => e switch
    {
        SiloStartException known => known,
        PresencePostgresException => new SiloStartException(e.Message.ReplaceLineEndings(" ")),
        OptionsValidationException options => new SiloStartException(string.Join(" ", options.Failures)),
        AggregateException { InnerException: OptionsValidationException } several => new SiloStartException(string.Join(
            " ", several.InnerExceptions.OfType<OptionsValidationException>().SelectMany(o => o.Failures).Distinct())),
        _ when node is not null && CannotListen(e, node) is { } reason => new SiloStartException(reason),
        _ => new SiloStartException(
            $"{(node is null ? "The host" : $"Node {node.Name}")} cannot start: {e.GetBaseException().Message}"
                .ReplaceLineEndings(" ")),
    };

    /// <summary>Explains why the address cannot be used.</summary>
    public static string CannotListen(string where, SocketError error, string message) => error switch
    {
        SocketError.AddressAlreadyInUse =>
            $"Cannot listen on {where}: the address is already in use; choose another one with --urls.",
        SocketError.AccessDenied =>
            $"Cannot listen on {where}: permission denied; choose a port above 1023 with --urls.",
        _ => $"Cannot listen on {where}: {message}.",
    };

    private static string? CannotListen(Exception e, NodeHost node)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case NpgsqlException:
                    return null;
                case AddressInUseException:
                    return CannotListen(node.Urls, SocketError.AddressAlreadyInUse, inner.Message);
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }:
                    // These ports were free when they were checked.
                    var ports = $"{node.Urls} or port {node.Endpoints.SiloPort} or {node.Endpoints.GatewayPort}";
                    return CannotListen(ports, SocketError.AddressAlreadyInUse, inner.Message);
                case SocketException socket:
                    return CannotListen(node.Urls, socket.SocketErrorCode, socket.Message);
            }
        }

        return null;
    }
}
