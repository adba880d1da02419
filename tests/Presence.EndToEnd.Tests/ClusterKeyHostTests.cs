namespace Presence.EndToEnd.Tests;

/// <summary>Web servers and silos in one process, with a cluster key.</summary>
[Trait("Category", "Cluster")]
public sealed class ClusterKeyHostTests
{
    [Fact]
    public async Task Web_servers_beside_silos_with_a_key_serve_all_presences_of_the_cluster()
    {
        await using var silo = await SiloProcess.StartAsync(
            ["--nodes", "2", "--Presence:Orleans:ClusterKey", "a secret of the cluster, of 32 bytes or more"]);
        using var http = new HttpClient { BaseAddress = new Uri(silo.Nodes[0]) };
        var options = new PhoenixOptions { AuthToken = await http.GetStringAsync("/token?user_id=ann") };
        await using var socket = await PhoenixSocket.ConnectAsync(new Uri(http.BaseAddress, "auth_socket"), options);
        await socket.Channel("room:key").JoinAsync();
        using var other = new HttpClient { BaseAddress = new Uri(silo.Nodes[1]) };
        other.DefaultRequestHeaders.Authorization = ThreeSilos.Basic("admin", SiloProcess.Password);
        await TestTimeouts.UntilAsync("the other silo lists ann", TimeSpan.FromSeconds(30), async () =>
            (await other.GetFromJsonAsync<JsonElement>("/api/topic?topic=room:key"))
                .GetProperty("count").GetInt32() == 1);
    }
}
