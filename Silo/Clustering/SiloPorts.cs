using System.Net;
using System.Net.Sockets;

namespace Presence.Silo;

/// <summary>Assigns the ports of the silos of this process before they start.</summary>
/// <remarks>
/// An unusable configured port stops the start; an unusable port derived from the HTTP port is replaced by a free one.
/// </remarks>
internal sealed class SiloPorts
{
    // Below the ephemeral ports: one of those could be taken before the silo listens.
    private const int FirstFree = 20_000;
    private const int LastFree = 29_999;
    private const int MaxAttempts = 1000;

    private readonly SiloOptions _options;
    private readonly TextWriter _output;
    private readonly IPAddress _address;
    private readonly HashSet<int> _assigned = [];

    private SiloPorts(SiloOptions options, TextWriter output)
    {
        _options = options;
        _output = output;
        _address = options.Orleans.AdvertisedAddress ?? IPAddress.Loopback;
        _assigned.UnionWith(Enumerable.Range(1, options.Nodes).Select(options.PortOf));
    }

    // A pod has an address of its own.
    private bool IsPod => _options.Orleans is { Kubernetes: true, AdvertisedAddress: null };

    /// <exception cref="SiloStartException">
    /// A configured port is unusable, or the address is not of this machine.
    /// </exception>
    public static IReadOnlyList<SiloEndpoints> Assign(SiloOptions options, TextWriter output)
    {
        var ports = new SiloPorts(options, output);
        return [.. Enumerable.Range(1, options.Nodes).Select(ports.EndpointsOf)];
    }

    private SiloEndpoints EndpointsOf(int number)
    {
        var http = _options.PortOf(number);
        var silo = Assign(number, "SiloPort", _options.Orleans.SiloPort, SiloEndpoints.FirstSiloPort);
        var gateway = Assign(number, "GatewayPort", _options.Orleans.GatewayPort, SiloEndpoints.FirstGatewayPort);
        return new SiloEndpoints(number, SiloEndpoints.NameOf(_options, number, silo), http, silo, gateway);
    }

    private int Assign(int number, string option, int? configured, int first)
    {
        if (configured is { } fixedPort)
        {
            return Configured(option, fixedPort, number);
        }

        var http = _options.PortOf(number);
        if (http == 0)
        {
            return Free();
        }

        var derived = first + http - SiloEndpoints.FirstHttpPort;
        var problem = derived > IPEndPoint.MaxPort ? "is no port" : ProblemOf(derived) is null ? null : "is taken";
        if (problem is null && _assigned.Add(derived))
        {
            return derived;
        }

        var free = Free();
        problem ??= "is taken";
        _output.WriteLine(
            $"HTTP port {http}: {derived} for Presence:Orleans:{option} {problem}; {free} is used instead.");
        return free;
    }

    private int Configured(string option, int first, int number)
    {
        if (first + _options.Nodes - 1 > IPEndPoint.MaxPort)
        {
            throw new SiloStartException(
                $"Presence:Orleans:{option} is '{first}': it must leave room for {_options.Nodes} ports below 65536.");
        }

        var port = first + number - 1;
        if (ProblemOf(port) is { } problem)
        {
            throw new SiloStartException(
                $"Presence:Orleans:{option}: cannot listen on {_address}:{port}: {problem}. "
                + "Stop what listens there, choose another port, or leave the option out.");
        }

        return _assigned.Add(port)
            ? port
            : throw new SiloStartException($"Presence:Orleans:{option}: port {port} is used twice; choose another.");
    }

    private int Free()
    {
        for (var attempt = 0; attempt < MaxAttempts; attempt++)
        {
            var port = Random.Shared.Next(FirstFree, LastFree + 1);
            if (!_assigned.Contains(port) && ProblemOf(port) is null)
            {
                _assigned.Add(port);
                return port;
            }
        }

        throw new SiloStartException($"No port between {FirstFree} and {LastFree} is free on {_address}.");
    }

    /// <summary>Returns why the port cannot be used; null if it can.</summary>
    /// <exception cref="SiloStartException">The address is not of this machine.</exception>
    private string? ProblemOf(int port)
    {
        if (IsPod)
        {
            return null;
        }

        try
        {
            using var listener = new TcpListener(_address, port);
            listener.Start();
            return null;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressNotAvailable)
        {
            throw new SiloStartException(
                $"Presence:Orleans:AdvertisedAddress is '{_address}': "
                + $"it must be an IP address of this machine ({e.Message}).");
        }
        catch (SocketException e)
        {
            return e.Message;
        }
    }
}
