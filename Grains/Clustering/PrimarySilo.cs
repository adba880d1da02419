using System.Net;

namespace Presence.Grains.Clustering;

/// <summary>Finds the primary silo of a cluster without a database, through which the other silos join.</summary>
internal sealed class PrimarySilo(
    SiloClusterOptions options, TextWriter output, TimeProvider time, IPEndPoint defaultPrimary)
{
    private static readonly TimeSpan ConfiguredTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Gets the default primary: the silo of the host on HTTP port 4000.</summary>
    public static IPEndPoint Default { get; } = new(IPAddress.Loopback, SiloEndpoints.FirstSiloPort);

    /// <summary>Returns the address of the primary silo; waits for it if it is in another process.</summary>
    /// <exception cref="SiloStartException">The configured primary does not answer.</exception>
    public async Task<IPEndPoint> FindAsync(IReadOnlyList<SiloEndpoints> silos, CancellationToken stop)
    {
        if (options.Primary is { } configured)
        {
            if (!silos.Any(endpoints => IsAt(endpoints, configured)))
            {
                await WaitForConfiguredAsync(configured, stop);
            }

            return configured;
        }

        if (silos.Any(endpoints => IsAt(endpoints, defaultPrimary)))
        {
            return defaultPrimary;
        }

        // A host with ports chosen by the system does not join a cluster on the default ports.
        if (silos[0].HttpPort != 0 && await AnswersAsync(defaultPrimary, stop))
        {
            await output.WriteLineAsync($"Joining the cluster of the silo at {defaultPrimary}.");
            return defaultPrimary;
        }

        return new IPEndPoint(IPAddress.Loopback, silos[0].SiloPort);
    }

    public static bool IsAt(SiloEndpoints endpoints, IPEndPoint address) =>
        endpoints.SiloPort == address.Port && IPAddress.IsLoopback(address.Address);

    private async Task<bool> AnswersAsync(IPEndPoint primary, CancellationToken stop)
    {
        var found = await ProbeAsync(primary, DefaultTimeout, null, stop);
        if (found != ProbedSilo.Silo)
        {
            var cluster = found == ProbedSilo.Nothing ? "" : $" of cluster '{options.ClusterId}'";
            await output.WriteLineAsync(
                $"No silo{cluster} answers at {primary}, the default primary: "
                + "this process forms a cluster of its own.");
        }

        return found == ProbedSilo.Silo;
    }

    private async Task WaitForConfiguredAsync(IPEndPoint primary, CancellationToken stop)
    {
        var timeout = $"{ConfiguredTimeout.TotalSeconds:0} s";
        var found = await ProbeAsync(primary, ConfiguredTimeout, ReportAsync, stop);
        if (found != ProbedSilo.Silo)
        {
            throw new SiloStartException(
                $"Presence:Orleans:Primary is '{primary}': "
                + (found == ProbedSilo.Nothing
                    ? "no silo answers there"
                    : $"what answers there is no silo of cluster '{options.ClusterId}' (Presence:Orleans:ClusterId)")
                + $" within {timeout}. Start that silo first, name another, or set ConnectionStrings:Presence.");
        }

        Task ReportAsync(TimeSpan elapsed) =>
            output.WriteLineAsync(
                $"Waiting for the primary silo at {primary}: {elapsed.TotalSeconds:0} s of {timeout}.");
    }

    /// <summary>Probes until a silo answers or the timeout; returns the last result.</summary>
    private async Task<ProbedSilo> ProbeAsync(
        IPEndPoint primary, TimeSpan timeout, Func<TimeSpan, Task>? report, CancellationToken stop)
    {
        var begun = time.GetTimestamp();
        var reported = TimeSpan.Zero;
        var found = ProbedSilo.Nothing;
        while (found != ProbedSilo.Silo && time.GetElapsedTime(begun) is var elapsed && elapsed < timeout)
        {
            stop.ThrowIfCancellationRequested();
            if (report is not null && elapsed - reported >= ReportInterval)
            {
                reported = elapsed;
                await report(elapsed);
            }

            var left = timeout - elapsed;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(left < ReportInterval ? left : ReportInterval);
            try
            {
                found = await SiloProbe.ProbeAsync(primary, options.ClusterId, limit.Token);
            }
            catch (OperationCanceledException)
            {
                // The connection was neither rejected nor accepted.
                found = ProbedSilo.Nothing;
            }

            if (found != ProbedSilo.Silo)
            {
                await Task.Delay(ProbeInterval, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        stop.ThrowIfCancellationRequested();
        return found;
    }
}
