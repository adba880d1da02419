using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;

namespace Presence.Dashboard.Tests;

internal sealed class StandInEnvironment(string name) : IHostEnvironment
{
    public string EnvironmentName { get; set; } = name;

    public string ApplicationName { get; set; } = "tests";

    public string ContentRootPath { get; set; } = "/";

    public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
}
