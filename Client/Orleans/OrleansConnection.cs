using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Presence.Grains;

namespace Presence.Client;

/// <summary>A connection to a cluster of silos, instead of a socket of one member.</summary>
internal sealed class OrleansConnection : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly IHost _host;

    private OrleansConnection(IHost host) => _host = host;

    public IPresenceClient Presence => _host.Services.GetRequiredService<IPresenceClient>();

    public ITopicPresenceGrain Topic(string topic) => _host.Services.GetRequiredService<IGrainFactory>().GetGrain<ITopicPresenceGrain>(topic);

    /// <exception cref="PhoenixException">No gateway can be reached.</exception>
    public static async Task<OrleansConnection> OpenAsync(ClientArguments arguments, CancellationToken stop)
    {
        var gateways = arguments.Gateways;
        await RequireAsync(gateways, stop);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        // What Orleans has to say about a connection is said by the errors of the calls.
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client
            .UseStaticClustering([.. gateways])
            .Configure<ClusterOptions>(o =>
            {
                o.ClusterId = arguments.Text("cluster-id") ?? "presence";
                o.ServiceId = arguments.Text("service-id") ?? "presence";
            })
            .AddPresence());
        var host = builder.Build();
        try
        {
            await host.StartAsync(stop).WaitAsync(Patience, stop);
            return new OrleansConnection(host);
        }
        catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
        {
            host.Dispose();
            throw new PhoenixException($"the silos at {string.Join(", ", gateways)} did not take this client: {e.GetBaseException().Message}", e);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await _host.StopAsync(patience.Token);
        _host.Dispose();
    }

    /// <summary>Asks for one gateway that listens: the client itself would try for ever.</summary>
    private static async Task RequireAsync(IReadOnlyList<IPEndPoint> gateways, CancellationToken stop)
    {
        foreach (var gateway in gateways)
        {
            try
            {
                using var tcp = new TcpClient();
                await tcp.ConnectAsync(gateway, stop);
                return;
            }
            catch (SocketException)
            {
                // The next one may.
            }
        }

        throw new PhoenixException($"no silo's gateway answers at {string.Join(", ", gateways)}; name one with --gateway.");
    }
}
