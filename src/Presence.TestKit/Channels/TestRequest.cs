using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Presence.TestKit.Channels;

/// <summary>Builds the HTTP request of a connecting client.</summary>
internal static class TestRequest
{
    public static HttpContext Connecting(IServiceProvider services, object? parameters, string? authToken)
    {
        var http = new DefaultHttpContext { RequestServices = services };
        http.Request.Method = HttpMethods.Get;
        http.Request.Host = new HostString("test");
        http.Request.QueryString = Query(parameters).Add("vsn", "2.0.0");
        if (authToken is not null)
        {
            http.Request.Headers["X-Phoenix-AuthToken"] = authToken;
        }

        return http;
    }

    private static QueryString Query(object? parameters)
    {
        var query = QueryString.Empty;
        if (parameters is null)
        {
            return query;
        }

        var json = JsonSerializer.SerializeToElement(parameters, JsonSerializerOptions.Web);
        foreach (var property in json.EnumerateObject())
        {
            var value = property.Value;
            query = query.Add(
                property.Name, value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText());
        }

        return query;
    }
}
