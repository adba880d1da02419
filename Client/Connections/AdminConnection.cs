using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace Presence.CommandLine.Connections;

/// <summary>Signs in and opens the admin socket.</summary>
internal static class AdminConnection
{
    /// <exception cref="PhoenixException">The node does not answer, or the name or password is wrong.</exception>
    public static async Task<PhoenixSocket> OpenAsync(Uri node, NodeAccess access, CancellationToken stop)
    {
        if (string.IsNullOrEmpty(access.Password))
        {
            throw new ClientUsageException("a password is missing: give --password, or set PRESENCE_ADMIN_PASSWORD.");
        }

        var token = await TokenAsync(node, access.User, access.Password, stop);
        return await PhoenixSocket.ConnectAsync(
            new Uri(node, "admin_socket"), new PhoenixOptions { AuthToken = token }, stop);
    }

    private static async Task<string> TokenAsync(Uri node, string user, string password, CancellationToken stop)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(10) };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
        try
        {
            using var answer = await http.PostAsync(new Uri(node, "admin/token"), null, stop);
            if (answer.StatusCode != HttpStatusCode.OK)
            {
                throw new PhoenixException($"{node} rejects '{user}': {await ReasonAsync(answer, stop)}");
            }

            return await ReadTokenAsync(answer, stop)
                ?? throw new PhoenixException($"{node} answers, but not as a node with a dashboard: no token.");
        }
        catch (Exception e) when (e is HttpRequestException
            || (e is TaskCanceledException && !stop.IsCancellationRequested))
        {
            throw new PhoenixException($"{node} does not answer: {e.GetBaseException().Message}", e);
        }
    }

    /// <summary>Returns the token in an answer; null in that of another service.</summary>
    private static async Task<string?> ReadTokenAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        try
        {
            var body = await answer.Content.ReadFromJsonAsync<JsonElement>(stop);
            return body.GetProperty("token").GetString();
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException
            or InvalidOperationException or NotSupportedException)
        {
            return null;
        }
    }

    private static async Task<string> ReasonAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        try
        {
            var problem = await answer.Content.ReadFromJsonAsync<JsonElement>(stop);
            return problem.GetProperty("detail").GetString()!;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException
            or InvalidOperationException or NotSupportedException)
        {
            return $"status {(int)answer.StatusCode}";
        }
    }
}
