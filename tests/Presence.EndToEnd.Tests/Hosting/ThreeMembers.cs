using System.Net.Http.Headers;
using System.Text;

namespace Presence.EndToEnd.Tests;

/// <summary>One host with three members of one engine, for all tests that do not break it.</summary>
public abstract class ThreeMembers(string engine) : IAsyncLifetime
{
    private SiloProcess? _silo;

    public string Engine => engine;

    public string First => Members[0];

    public string Third => Members[2];

    public IReadOnlyList<string> Members => _silo!.Members;

    public async Task InitializeAsync()
    {
        // A host looks for its pages once, when it starts.
        if (NodeScripts.IsHere)
        {
            await NodeScripts.BuildPagesAsync();
        }

        _silo = await SiloProcess.StartAsync(["--engine", engine, "--nodes", "3"]);
    }

    public Task DisposeAsync() => _silo!.DisposeAsync().AsTask();

    /// <summary>A client of one member, signed in as the admin.</summary>
    public HttpClient Admin(int member = 0)
    {
        var http = Anybody(member);
        http.DefaultRequestHeaders.Authorization = Basic("admin", SiloProcess.Password);
        return http;
    }

    public HttpClient Anybody(int member = 0) => new() { BaseAddress = new Uri(Members[member]) };

    internal static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));
}

public sealed class EmbeddedMembers() : ThreeMembers("embedded");

/// <summary>The tests share the host, and the machine: one at a time.</summary>
[CollectionDefinition(nameof(EmbeddedMembers), DisableParallelization = true)]
public sealed class EmbeddedMembersCollection : ICollectionFixture<EmbeddedMembers>;

#if ORLEANS
/// <summary>Three silos.</summary>
public sealed class OrleansMembers() : ThreeMembers("orleans");

/// <summary>The same on Orleans.</summary>
[CollectionDefinition(nameof(OrleansMembers), DisableParallelization = true)]
public sealed class OrleansMembersCollection : ICollectionFixture<OrleansMembers>;
#endif
