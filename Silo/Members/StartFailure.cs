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
    /// <param name="engine">The engine of the run.</param>
    /// <param name="member">The member that was being started; null before the first one.</param>
    public static SiloStartException Explain(Exception e, Engine engine, Member? member) => e switch
    {
        SiloStartException known => known,
        PresencePostgresException => new SiloStartException(e.Message.ReplaceLineEndings(" ")),
        OptionsValidationException options => new SiloStartException(string.Join(" ", options.Failures)),
        _ when member is not null && CannotListen(e, member) is { } said => new SiloStartException(said),
        _ => new SiloStartException(
            $"Member {member?.Name ?? "1"} cannot start on engine {engine.Name}: {e.GetBaseException().Message}".ReplaceLineEndings(" ")),
    };

    private static string? CannotListen(Exception e, Member member)
    {
        for (var inner = e; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case NpgsqlException:
                    return null;
                case SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } or AddressInUseException:
                    return $"Cannot listen on {member.Urls}: the address is already in use; stop what listens there or choose another with --urls.";
                case SocketException { SocketErrorCode: SocketError.AccessDenied }:
                    return $"Cannot listen on {member.Urls}: this user may not listen there; choose a port above 1023 with --urls.";
                case SocketException socket:
                    return $"Cannot listen on {member.Urls}: {socket.Message}.";
            }
        }

        return null;
    }
}
