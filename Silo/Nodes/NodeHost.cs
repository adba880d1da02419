using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Orleans.Dashboard;
using Orleans.Hosting;
using Presence.Silo.Endpoints;

namespace Presence.Silo.Nodes;

/// <summary>One node: a web application with its own services and Kestrel.</summary>
internal sealed partial class NodeHost(SiloEndpoints endpoints, string urls, WebApplication app)
{
    /// <summary>Each client that sends faster than it is read holds as much.</summary>
    private const int MaxReadBytes = 64 * 1024;

    public SiloEndpoints Endpoints => endpoints;
    public string Name => endpoints.Name;
    public IServiceProvider Services => app.Services;

    /// <summary>Gets the configured addresses.</summary>
    public string Urls => urls;

    /// <summary>Gets the addresses, with the ports chosen by the system.</summary>
    public IReadOnlyList<string> Addresses { get; private set; } = [];

    public static NodeHost Build(SiloRun run, SiloEndpoints endpoints)
    {
        var urls = string.Join(';', run.Options.UrlsOf(endpoints.Number));
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(NodeHost).Assembly.GetName().Name,
            ContentRootPath = run.Configuration.ContentRoot,
            EnvironmentName = run.Configuration.Environment,
        });
        // All nodes share the settings of the run.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddConfiguration(run.Configuration.Settings);

        // A source on top: values set on the builder would change the shared settings.
        builder.Configuration.AddInMemoryCollection([new("urls", urls)]);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls(urls);
        ConfigureServer(builder);
        builder.Services.AddSingleton<IHostLifetime, NullHostLifetime>();
        builder.Services.AddHostFiltering(hosts => hosts.AllowedHosts = [.. run.Options.AllowedHosts]);
        builder.UseOrleans(silo =>
        {
            run.Cluster.AddTo(silo, endpoints);
            if (run.Options.OrleansDashboard)
            {
                silo.AddDashboard();
            }
        });
        NodeServices.Add(builder.Services, run);
        var app = builder.Build();
        NodeEndpoints.Map(app, run);
        foreach (var url in run.IsDevelopment ? [] : run.Options.PlainUrls)
        {
            LogPlain(app.Logger, url);
        }

        return new NodeHost(endpoints, urls, app);
    }

    /// <summary>Sets the options of Kestrel and of its sockets.</summary>
    internal static void ConfigureServer(WebApplicationBuilder builder)
    {
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBufferSize = MaxReadBytes;
        });
        builder.Services.Configure<SocketTransportOptions>(sockets =>
        {
            sockets.MaxReadBufferSize = MaxReadBytes;

            // Otherwise a broadcast would need a second task per socket to write its bytes.
            sockets.UnsafePreferInlineScheduling = true;
        });
    }

    public async Task StartAsync(CancellationToken stop)
    {
        await app.StartAsync(stop);
        var server = app.Services.GetRequiredService<IServer>();
        Addresses = [.. server.Features.Get<IServerAddressesFeature>()!.Addresses];
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        try
        {
            await app.StopAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            LogStopCutShort(app.Logger, Name);
        }

        await app.DisposeAsync();
    }

    [LoggerMessage(LogLevel.Warning,
        "INSECURE: {Url} serves plain HTTP to other machines. Serve https, or name the proxy that does in "
        + "Presence:TrustedProxies")]
    private static partial void LogPlain(ILogger log, string url);

    [LoggerMessage(LogLevel.Warning, "Node {Node} did not stop in time; its remaining connections were closed")]
    private static partial void LogStopCutShort(ILogger log, string node);
}
