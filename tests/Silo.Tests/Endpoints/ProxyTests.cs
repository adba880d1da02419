using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Presence.Silo.Endpoints;
using Presence.Silo.Tests.Configuration;

namespace Presence.Silo.Tests.Endpoints;

/// <summary>Which address, host and headers the host sees and sends.</summary>
public sealed class ProxyTests
{
    [Theory]
    [InlineData("127.0.0.1", "203.0.113.7", "203.0.113.7")]
    [InlineData("127.0.0.1,10.0.0.0/8", "203.0.113.7, 10.1.2.3", "203.0.113.7")]
    [InlineData("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7")]
    [InlineData("10.0.0.0/8", "203.0.113.7", "127.0.0.1")]
    [InlineData(null, "203.0.113.7", "127.0.0.1")]
    public async Task Only_named_proxies_say_where_a_client_is(string? proxies, string forwarded, string expected)
    {
        await using var app = await StartAsync(proxies, web => web.Run(
            http => http.Response.WriteAsync(http.Connection.RemoteIpAddress!.ToString())));
        using var client = new HttpClient();
        client.DefaultRequestHeaders.Add("X-Forwarded-For", forwarded);
        Assert.Equal(expected, await client.GetStringAsync(new Uri(app.Urls.First())));
    }

    [Fact]
    public async Task Answer_to_an_exception_has_security_headers()
    {
        await using var app = await StartAsync(null, web =>
        {
            web.UseExceptionHandler();
            web.Run(_ => throw new InvalidOperationException("as asked"));
        });
        using var client = new HttpClient();
        using var answer = await client.GetAsync(new Uri(app.Urls.First()));
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("no-referrer", answer.Headers.GetValues("Referrer-Policy").Single());
        Assert.Contains("default-src 'none'", answer.Headers.GetValues("Content-Security-Policy").Single(),
            StringComparison.Ordinal);
    }

    private static async Task<WebApplication> StartAsync(string? proxies, Action<IApplicationBuilder> endpoints)
    {
        var builder = WebApplication.CreateSlimBuilder(["--urls", "http://127.0.0.1:0"]);
        builder.Services.AddProblemDetails();
        var app = builder.Build();
        NodeEndpoints.UseSecurityHeaders(app);
        NodeEndpoints.UseProxies(app, SiloOptionsTests.Read(("Presence:TrustedProxies", proxies ?? "")));
        endpoints(app);
        await app.StartAsync();
        return app;
    }
}
