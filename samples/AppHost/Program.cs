using Microsoft.Extensions.Configuration;

// Three silos of the demo host with one PostgreSQL, and Aspire's dashboard with their logs, metrics and traces.
var builder = DistributedApplication.CreateBuilder(args);

// ConnectionStrings:Presence names a server that runs already; without it, one is started in a container.
IResourceBuilder<IResourceWithConnectionString> database = builder.Configuration.GetConnectionString("Presence") is null
    ? builder.AddPostgres("postgres").AddDatabase("Presence")
    : builder.AddConnectionString("Presence");
var firstPort = builder.Configuration.GetValue("Port", 4000);
var password = builder.AddParameter("admin-password", "presence in development", secret: true);

for (var i = 1; i <= 3; i++)
{
    var name = $"node-{i}";
    builder.AddProject<Projects.Silo>(name, launchProfileName: null)
        .WithHttpEndpoint(port: firstPort + i - 1)
        .WithEnvironment("ASPNETCORE_ENVIRONMENT", "Development")
        .WithEnvironment("Presence__NodeName", name)
        .WithEnvironment("Presence__Samples", "true")
        .WithEnvironment("Presence__Admin__Password", password)
        .WithReference(database)
        .WaitFor(database)
        .WithHttpHealthCheck("/health/ready");
}

builder.Build().Run();
