using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Npgsql;
using Presence.Postgres;

namespace Presence.Silo;

/// <summary>Says in one line why a member cannot start.</summary>
internal static class StartFailure
{
    /// <param name="e">What was thrown.</param>
    /// <param name="member">The member that was being started; null before the first one.</param>
    public static SiloStartException Explain(Exception e, Member? member) => e switch
    {
        SiloStartException known => known,
        PresencePostgresException => new SiloStartException(e.Message.ReplaceLineEndings(" ")),
        OptionsValidationException options => new SiloStartException(string.Join(" ", options.Failures)),
        AggregateException { InnerException: OptionsValidationException } several => new SiloStartException(string.Join(
            " ", several.InnerExceptions.OfType<OptionsValidationException>().SelectMany(o => o.Failures).Distinct())),
        _ when member is not null && CannotListen(e, member) is { } said => new SiloStartException(said),
        _ => new SiloStartException(
            $"{(member is null ? "The host" : $"Node {member.Name}")} cannot start: {e.GetBaseException().Message}".ReplaceLineEndings(" ")),
    };

    /// <summary>Says why nobody can listen at this address.</summary>
    public static string CannotListen(string where, SocketError error, string message) => error switch
    {
        SocketError.AddressAlreadyInUse =>
            $"Cannot listen on {where}: the address is already in use; stop what listens there or choose another with --urls.",
        SocketError.AccessDenied =>
            $"Cannot listen on {where}: this user may not listen there; choose a port above 1023 with --urls.",
        _ => $"Cannot listen on {where}: {message}.",
    };

    private static string? CannotListen(Exception e, Member member)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case NpgsqlException:
                    return null;
                case AddressInUseException:
                    return CannotListen(member.Urls, SocketError.AddressAlreadyInUse, inner.Message);
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }:
                    // All of these were free a moment ago.
                    return CannotListen($"{member.Urls} or port {member.Place.SiloPort} or {member.Place.GatewayPort}", SocketError.AddressAlreadyInUse, inner.Message);
                case SocketException socket:
                    return CannotListen(member.Urls, socket.SocketErrorCode, socket.Message);
            }
        }

        return null;
    }
}
