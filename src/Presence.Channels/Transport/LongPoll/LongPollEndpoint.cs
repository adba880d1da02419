using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Presence.Channels;

/// <summary>
/// Answers <c>…/longpoll</c>: GET opens a session or waits for its frames, POST brings frames. The HTTP status is always 200;
/// the real one is in the body, as clients expect it.
/// </summary>
internal sealed class LongPollEndpoint(SocketDoor door)
{
    private const string TokenHeader = "X-Phoenix-Longpoll-Token";

    // The stock client knows no other status for a server that cannot.
    private const int Unavailable = StatusCodes.Status500InternalServerError;

    public async Task HandleAsync(HttpContext http)
    {
        var server = http.RequestServices.GetRequiredService<ChannelServer>();
        http.Response.Headers.CacheControl = "no-store";
        if (!SocketDoor.AllowsOrigin(server, http))
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
        var sessions = http.RequestServices.GetRequiredService<LongPollSessions>();
        if (Find(http, sessions, out var token) is not { } session)
        {
            await OpenAsync(server, http, sessions);
            return;
        }

        session.Session.Touch();
        var frames = new List<OutFrame>();
        var polled = await session.Transport.PollAsync(frames, http.RequestAborted);
        session.Session.Touch();
        await AnswerAsync(
            http,
            polled switch
            {
                LongPollTransport.Polled.Frames => StatusCodes.Status200OK,
                LongPollTransport.Polled.Nothing => StatusCodes.Status204NoContent,
                _ => StatusCodes.Status410Gone,
            },
            token,
            frames);
    }

    /// <summary>Without a session there is a new one: 410 is how a client is told to begin with it.</summary>
    private async Task OpenAsync(ChannelServer server, HttpContext http, LongPollSessions sessions)
    {
        var admission = await door.AdmitAsync(server, http, SocketTokenReader.OfLongPoll(http));
        if (!admission.IsAdmitted)
        {
            await AnswerAsync(http, admission.Status == StatusCodes.Status403Forbidden ? admission.Status : Unavailable);
        }
        else if (sessions.Open(admission) is { } token)
        {
            await AnswerAsync(http, StatusCodes.Status410Gone, token, []);
        }
        else
        {
            server.Instruments.Refused("full");
            await AnswerAsync(http, Unavailable);
        }
    }

    private async Task PostAsync(ChannelServer server, HttpContext http)
    {
        var sessions = http.RequestServices.GetRequiredService<LongPollSessions>();
        // One that takes nothing more is over, even if what it had to say has not been fetched.
        if (Find(http, sessions, out _) is not { Transport.IsShut: false } session)
        {
            await AnswerAsync(http, StatusCodes.Status410Gone);
            return;
        }

        if (!await session.TakeTurnAsync(server.Limits.PollWindow, server.Time))
        {
            server.Instruments.Dropped("publish_timeout");
            await AnswerAsync(http, StatusCodes.Status408RequestTimeout);
            return;
        }

        int status;
        try
        {
            status = await LongPollPublish.RunAsync(server, session, http);
        }
        finally
        {
            session.EndTurn();
        }

        await AnswerAsync(http, status);
    }

    /// <summary>By the header, or by the parameter where older clients put it, behind a token of the user's own.</summary>
    private LongPollSession? Find(HttpContext http, LongPollSessions sessions, out string token)
    {
        token = http.Request.Headers[TokenHeader].ToString();
        if (token.Length == 0)
        {
            token = http.Request.Query["token"] is [.., { } last] ? last : "";
        }

        return token.Length == 0 ? null : sessions.Find(door.SocketType, token);
    }

    private static async Task AnswerAsync(HttpContext http, int status, string? token = null, List<OutFrame>? frames = null)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        await using (var json = new Utf8JsonWriter(http.Response.BodyWriter, FrameBuffer.Relaxed))
        {
            json.WriteStartObject();
            json.WriteNumber("status"u8, status);
            if (frames is not null)
            {
                json.WriteString("token"u8, token);
                json.WriteStartArray("messages"u8);
                foreach (var frame in frames)
                {
                    json.WriteStringValueSegment(frame.Head.Span, isFinalSegment: false);
                    json.WriteStringValueSegment(frame.Body.Span, isFinalSegment: true);
                }

                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        await http.Response.BodyWriter.FlushAsync(http.RequestAborted);
    }
}
