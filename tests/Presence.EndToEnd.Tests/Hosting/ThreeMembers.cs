using System.Net.Http.Headers;
using System.Text;
using Presence.Harness;
using Presence.Harness.Databases;

namespace Presence.EndToEnd.Tests;

/// <summary>One host with three members of one engine, for all tests that do not break it.</summary>
public abstract class ThreeMembers(string engine) : IAsyncLifetime
{
    private SiloProcess? _silo;

    public string Engine => engine;

    public string First => Members[0];

    public string Third => Members[2];

    /// <summary>Their addresses; skips the test where the engine cannot be had.</summary>
    public IReadOnlyList<string> Members
    {
        get
        {
            Require();
            return _silo!.Members;
        }
    }

    public async Task InitializeAsync()
    {
        if (Missing is not null)
        {
            return;
        }

        // A host looks for its pages once, when it starts.
        if (NodeScripts.IsHere)
        {
            await NodeScripts.BuildPagesAsync();
        }

        _silo = await SiloProcess.StartAsync(await OptionsAsync(3));
    }

    public async Task DisposeAsync()
    {
        if (_silo is not null)
        {
            await _silo.DisposeAsync();
        }
    }

    /// <summary>
    /// How a host of its own with so many members of the engine is started; skips the test where that cannot be had.
    /// </summary>
    public async Task<string[]> OptionsAsync(int members)
    {
        Require();
        return ["--engine", engine, "--nodes", $"{members}", .. await SettingsAsync()];
    }

    /// <summary>A client of one member, signed in as the admin.</summary>
    public HttpClient Admin(int member = 0)
    {
        var http = Anybody(member);
        http.DefaultRequestHeaders.Authorization = Basic("admin", SiloProcess.Password);
        return http;
    }

    /// <summary>Why the engine cannot be had here; null if it can.</summary>
    protected virtual string? Missing => null;

    /// <summary>What the engine needs beside its name.</summary>
    protected virtual Task<string[]> SettingsAsync() => Task.FromResult(Array.Empty<string>());

    public HttpClient Anybody(int member = 0) => new() { BaseAddress = new Uri(Members[member]) };

    internal static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}")));

    private void Require() => Requirement.Demand(engine, Missing);
}

public sealed class EmbeddedMembers() : ThreeMembers("embedded");

/// <summary>The tests share the host, and the machine: one at a time.</summary>
[CollectionDefinition(nameof(EmbeddedMembers), DisableParallelization = true)]
public sealed class EmbeddedMembersCollection : ICollectionFixture<EmbeddedMembers>;

/// <summary>Three members over a database of their own, on a server of this test run.</summary>
public sealed class PostgresMembers() : ThreeMembers("postgres")
{
    protected override string? Missing => PostgresBinaries.Missing;

    /// <summary>A new database each time: members of two hosts have the same names.</summary>
    protected override async Task<string[]> SettingsAsync()
    {
        var server = await PostgresServer.SharedAsync();
        return ["--ConnectionStrings:Presence", (await server.CreateDatabaseAsync()).ConnectionString];
    }
}

/// <summary>The same over PostgreSQL.</summary>
[CollectionDefinition(nameof(PostgresMembers), DisableParallelization = true)]
public sealed class PostgresMembersCollection : ICollectionFixture<PostgresMembers>;

/// <summary>Three silos.</summary>
public sealed class OrleansMembers() : ThreeMembers("orleans");

/// <summary>The same on Orleans.</summary>
[CollectionDefinition(nameof(OrleansMembers), DisableParallelization = true)]
public sealed class OrleansMembersCollection : ICollectionFixture<OrleansMembers>;
