using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Presence.Channels.Runtime;

namespace Presence.Channels.Transport.LongPoll;

/// <summary>
/// Serves <c>…/longpoll</c>: GET opens a connection or waits for its frames, POST sends frames. The HTTP status is
/// always 200; the status for the client is in the body.
/// </summary>
internal sealed class LongPollEndpoint(SocketHandshake handshake)
{
    private const string TokenHeader = "X-Phoenix-Longpoll-Token";

    private const string JsonType = "application/json; charset=utf-8";

    // The stock client handles no other status of an unavailable server.
    private const int Unavailable = StatusCodes.Status500InternalServerError;

    public async Task HandleAsync(HttpContext http)
    {
        var server = http.RequestServices.GetRequiredService<ChannelServer>();
        http.Response.Headers.CacheControl = "no-store";
        if (!SocketHandshake.AllowsOrigin(server, http))
        {
            await AnswerAsync(http, StatusCodes.Status403Forbidden);
            return;
        }

        CrossOrigin.Allow(http);
        if (HttpMethods.IsGet(http.Request.Method))
        {
            await GetAsync(server, http);
        }
        else if (HttpMethods.IsPost(http.Request.Method))
        {
            await PostAsync(server, http);
        }
        else if (HttpMethods.IsOptions(http.Request.Method))
        {
            CrossOrigin.Preflight(http);
        }
        else
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
        }
    }

    private async Task GetAsync(ChannelServer server, HttpContext http)
    {
        var requests = http.RequestServices.GetRequiredService<LongPollRequests>();
        if (Read(http, requests.Connections, out var token) is not { } address
            || await requests.PollAsync(address, token, http.RequestAborted) is not { } answer)
        {
            await OpenAsync(server, http, requests.Connections);
            return;
        }

        using var held = server.Sockets.Hold(http);
        held.Set(answer.Length);
        await AnswerAsync(http, answer);
    }

    /// <summary>Opens a connection; status 410 makes the client use its token.</summary>
    private async Task OpenAsync(ChannelServer server, HttpContext http, LongPollConnections connections)
    {
        var result = await handshake.RunAsync(server, http, SocketTokenReader.OfLongPoll(http));
        if (!result.IsAccepted)
        {
            await AnswerAsync(http, result.Status == StatusCodes.Status403Forbidden ? result.Status : Unavailable);
        }
        else if (connections.Open(result) is { } token)
        {
            await AnswerAsync(http, StatusCodes.Status410Gone, token);
        }
        else
        {
            await AnswerAsync(http, Unavailable);
        }
    }

    private async Task PostAsync(ChannelServer server, HttpContext http)
    {
        var requests = http.RequestServices.GetRequiredService<LongPollRequests>();
        var lines = LongPollPublish.IsLines(http.Request);
        var status = Read(http, requests.Connections, out _) is { } address
            ? await LongPollPublish.ReadAsync(
                server, http.Request, body => requests.PostAsync(address, body, lines, http.RequestAborted))
            : StatusCodes.Status410Gone;
        await AnswerAsync(http, status);
    }

    /// <summary>Reads the token in the header, or in the last parameter <c>token</c> of older clients.</summary>
    private LongPollAddress? Read(HttpContext http, LongPollConnections connections, out string token)
    {
        token = http.Request.Headers[TokenHeader].ToString();
        if (token.Length == 0)
        {
            token = http.Request.Query["token"] is [.., { } last] ? last : "";
        }

        return token.Length == 0 ? null : connections.Read(handshake.SocketType, token);
    }

    private static async Task AnswerAsync(HttpContext http, int status, string? token = null)
    {
        http.Response.ContentType = JsonType;
        LongPollRequests.Write(http.Response.BodyWriter, status, token, token is null ? null : []);
        await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
    }

    private static async Task AnswerAsync(HttpContext http, ReadOnlyMemory<byte> answer)
    {
        http.Response.ContentType = JsonType;
        await http.Response.BodyWriter.WriteAsync(answer, http.RequestAborted);
    }
}
