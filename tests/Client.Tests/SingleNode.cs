using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Dashboard;
using Presence.Node;

namespace Presence.CommandLine.Tests;

/// <summary>A node with the admin's endpoints, in this process.</summary>
public sealed class SingleNode : IAsyncLifetime
{
    private const string Password = "correct horse battery staple";

    private WebApplication _app = null!;

    public IPresenceNode Node => _app.Services.GetRequiredService<IPresenceNode>();

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        builder.Services.AddPresence(presence => presence.NodeName = "node-1");
        builder.Services.AddPresenceDashboard(admin => admin.Password = Password);
        _app = builder.Build();
        _app.MapPresenceDashboard();
        await _app.StartAsync();
    }

    public Task DisposeAsync() => _app.DisposeAsync().AsTask();

    /// <summary>Returns a command line with the node's address and password.</summary>
    internal string[] With(params string[] args) => [.. args, "--url", _app.Urls.First(), "--password", Password];
}
