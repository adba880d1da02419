using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Presence.TestKit;

/// <summary>The request by which a client connects.</summary>
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

        foreach (var member in JsonSerializer.SerializeToElement(parameters, JsonSerializerOptions.Web).EnumerateObject())
        {
            var value = member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : member.Value.GetRawText();
            query = query.Add(member.Name, value);
        }

        return query;
    }
}
