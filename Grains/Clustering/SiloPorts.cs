using System.Net;
using System.Net.Sockets;

namespace Presence.Grains.Clustering;

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

    private readonly SiloPlan _plan;
    private readonly TextWriter _output;
    private readonly IPAddress _address;
    private readonly HashSet<int> _assigned = [];

    private SiloPorts(SiloPlan plan, TextWriter output)
    {
        _plan = plan;
        _output = output;
        _address = plan.Options.AdvertisedAddress ?? IPAddress.Loopback;
        _assigned.UnionWith(Enumerable.Range(1, plan.Count).Select(plan.HttpPortOf));
    }

    // A pod has an address of its own.
    private bool IsPod => _plan.Options is { Kubernetes: true, AdvertisedAddress: null };

    /// <exception cref="SiloStartException">
    /// A configured port is unusable, or the address is not of this machine.
    /// </exception>
    public static IReadOnlyList<SiloEndpoints> Assign(SiloPlan plan, TextWriter output)
    {
        var ports = new SiloPorts(plan, output);
        return [.. Enumerable.Range(1, plan.Count).Select(ports.EndpointsOf)];
    }

    private SiloEndpoints EndpointsOf(int number)
    {
        var http = _plan.HttpPortOf(number);
        var silo = Assign(number, "SiloPort", _plan.Options.SiloPort, SiloEndpoints.FirstSiloPort);
        var gateway = Assign(number, "GatewayPort", _plan.Options.GatewayPort, SiloEndpoints.FirstGatewayPort);
        return new SiloEndpoints(number, SiloEndpoints.NameOf(_plan, number, silo), http, silo, gateway);
    }

    private int Assign(int number, string option, int? configured, int first)
    {
        if (configured is { } fixedPort)
        {
            return Configured(option, fixedPort, number);
        }

        var http = _plan.HttpPortOf(number);
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
        if (first + _plan.Count - 1 > IPEndPoint.MaxPort)
        {
            throw new SiloStartException(
                $"Presence:Orleans:{option} is '{first}': it must leave room for {_plan.Count} ports below 65536.");
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
        var error = IsPod ? null : PortCheck.ErrorOf(new IPEndPoint(_address, port));
        return error?.SocketErrorCode == SocketError.AddressNotAvailable
            ? throw new SiloStartException(
                $"Presence:Orleans:AdvertisedAddress is '{_address}': "
                + $"it must be an IP address of this machine ({error.Message}).")
            : error?.Message;
    }
}
