using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Presence.Silo;

/// <summary>One member: a web application of its own, with its own services and its own Kestrel.</summary>
internal sealed partial class Member
{
    private readonly WebApplication _app;

    private Member(string name, string urls, WebApplication app)
    {
        Name = name;
        Urls = urls;
        _app = app;
    }

    public string Name { get; }

    /// <summary>What it was told to listen on.</summary>
    public string Urls { get; }

    /// <summary>What it listens on, with the ports the system chose.</summary>
    public IReadOnlyList<string> Addresses { get; private set; } = [];

    public static Member Build(SiloRun run, int number)
    {
        var name = run.Options.MemberName(number);
        var urls = string.Join(';', run.Options.Urls.Select(url => Shifted(url, number - 1)));
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            ApplicationName = typeof(Member).Assembly.GetName().Name,
            ContentRootPath = run.Configuration.ContentRoot,
            EnvironmentName = run.Configuration.Environment,
        });
        // One view of the settings for the whole run: nothing is read a second time, nothing from elsewhere.
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddConfiguration(run.Configuration.Settings);
        builder.Configuration.AddInMemoryCollection(run.Options.InPlainForm());
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.UseUrls(urls);
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        run.Engine.Engine.AddTo(builder, new MemberPlace(number, name, run.Options.PortOf(number)));
        MemberServices.Add(builder.Services, run, name);
        var app = builder.Build();
        MemberEndpoints.Map(app, run);
        return new Member(name, urls, app);
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

    private static string Shifted(BindingAddress url, int by) =>
        $"{url.Scheme}://{url.Host}:{(url.Port == 0 ? 0 : url.Port + by)}";

    [LoggerMessage(LogLevel.Warning, "Member {Member} did not stop in time; what was left was cut off.")]
    private static partial void LogStopCutShort(ILogger log, string member);
}
