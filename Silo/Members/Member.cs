using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Presence.Silo;

/// <summary>One member: a web application of its own, with its own services and its own Kestrel.</summary>
internal sealed partial class Member
{
    private readonly WebApplication _app;

    private Member(SiloPlace place, string urls, WebApplication app)
    {
        Place = place;
        Urls = urls;
        _app = app;
    }

    /// <summary>Its name and ports.</summary>
    public SiloPlace Place { get; }

    public string Name => Place.Name;

    public IServiceProvider Services => _app.Services;

    /// <summary>What it was told to listen on.</summary>
    public string Urls { get; }

    /// <summary>What it listens on, with the ports the system chose.</summary>
    public IReadOnlyList<string> Addresses { get; private set; } = [];

    public static Member Build(SiloRun run, SiloPlace place)
    {
        var urls = string.Join(';', run.Options.UrlsOf(place.Number));
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(Member).Assembly.GetName().Name,
            ContentRootPath = run.Configuration.ContentRoot,
            EnvironmentName = run.Configuration.Environment,
        });
        // One view of the settings for the whole run: nothing is read a second time, nothing from elsewhere.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddConfiguration(run.Configuration.Settings);

        // On top: what is set on a builder also goes through to the settings, which all members of the run share.
        builder.Configuration.AddInMemoryCollection([new("urls", urls)]);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls(urls);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);

        // A broadcast writes to each socket in turn; without this a second task per socket would pass its bytes on.
        builder.Services.Configure<SocketTransportOptions>(o => o.UnsafePreferInlineScheduling = true);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        run.Cluster.AddTo(builder, place);
        MemberServices.Add(builder.Services, run, place.Name);
        var app = builder.Build();
        MemberEndpoints.Map(app, run);
        return new Member(place, urls, app);
    }

    public async Task StartAsync(CancellationToken stop)
    {
        await _app.StartAsync(stop);
        var server = _app.Services.GetRequiredService<IServer>();
        Addresses = [.. server.Features.Get<IServerAddressesFeature>()!.Addresses];
    }

    public async Task StopAsync(CancellationToken cancellation)
    {
        try
        {
            await _app.StopAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            LogStopCutShort(_app.Logger, Name);
        }

        await _app.DisposeAsync();
    }

    [LoggerMessage(LogLevel.Warning, "Member {Member} did not stop in time; what was left was cut off.")]
    private static partial void LogStopCutShort(ILogger log, string member);
}
