using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Presence.Dashboard;
using Presence.Node;

namespace Presence.CommandLine.Tests;

/// <summary>A member with the admin's endpoints, in this process.</summary>
public sealed class OneMember : IAsyncLifetime
{
    private const string Password = "a password";

    private WebApplication _app = null!;

    public IPresenceNode Node => _app.Services.GetRequiredService<IPresenceNode>();

    public async Task InitializeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { EnvironmentName = "Production" });
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IDataProtectionProvider>(new EphemeralDataProtectionProvider());
        builder.Services.AddPresence(presence => presence.NodeName = "node-1");
        builder.Services.AddPresenceAdmin(admin => admin.Password = Password);
        _app = builder.Build();
        _app.MapPresenceAdmin();
        await _app.StartAsync();
    }

    public Task DisposeAsync() => _app.DisposeAsync().AsTask();

    /// <summary>The command line with this member's address and password at its end.</summary>
    internal string[] With(params string[] args) => [.. args, "--url", _app.Urls.First(), "--password", Password];
}
