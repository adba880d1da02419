using System.Diagnostics.Metrics;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Presence.Dashboard.SignIn;

namespace Presence.Dashboard.Tests;

/// <summary>A minimal host with the admin endpoints, on a loopback port.</summary>
internal sealed class AdminHost : IAsyncDisposable
{
    public const string Password = "pass:wörd of tests";

    private readonly WebApplication _app;

    private AdminHost(WebApplication app, StandInNode node, TestTime time)
    {
        _app = app;
        Node = node;
        Time = time;
    }

    public StandInNode Node { get; }
    public TestTime Time { get; }
    public HttpClient Http { get; private set; } = null!;
    public PresenceDashboardTokens Tokens => _app.Services.GetRequiredService<PresenceDashboardTokens>();

    public static async Task<AdminHost> StartAsync(
        Action<PresenceDashboardOptions>? configure = null,
        string environment = "Production",
        IDataProtectionProvider? keys = null,
        Action<IServiceCollection>? services = null,
        Action<WebApplication>? mount = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = environment });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders().AddFakeLogging();
        var (node, time) = (new StandInNode(), new TestTime(new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero)));
        builder.Services.AddSingleton<IPresenceNode>(node);
        builder.Services.AddSingleton<TimeProvider>(time);
        builder.Services.AddSingleton(keys ?? new EphemeralDataProtectionProvider());
        builder.Services.AddProblemDetails();
        builder.Services.AddPresenceDashboard(options =>
        {
            options.Password = Password;
            configure?.Invoke(options);
        });
        services?.Invoke(builder.Services);
        var host = new AdminHost(builder.Build(), node, time);
        host._app.UseExceptionHandler();
        (mount ?? (app => app.MapPresenceDashboard()))(host._app);
        await host._app.StartAsync();
        host.Http = new HttpClient { BaseAddress = new Uri(host._app.Urls.First()) };
        return host;
    }

    public AdminHost SignIn(string user = "admin", string password = Password)
    {
        Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
        return this;
    }

    public async Task<HttpStatusCode> StatusAsync(string path)
    {
        using var response = await Http.GetAsync(path);
        return response.StatusCode;
    }

    /// <summary>Gets the lines of the audit log.</summary>
    public string[] Audit =>
    [
        .. _app.Services.GetFakeLogCollector().GetSnapshot()
            .Where(line => line.Category == AdminAudit.Category).Select(line => line.Message),
    ];

    /// <summary>Collects the measurements of a counter from now on.</summary>
    public MetricCollector<long> Count(string counter) =>
        new(_app.Services.GetRequiredService<IMeterFactory>(), AdminInstruments.MeterName, counter);

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
