using System.Net;

namespace Presence.Silo;

/// <summary>Finds the primary silo of a cluster without a database: the one that the others come to.</summary>
/// <param name="options">The options of the run.</param>
/// <param name="output">For the person who started the host.</param>
/// <param name="time">The clock.</param>
/// <param name="byDefault">Where the primary is if none is configured; <see cref="Default"/> but in tests.</param>
internal sealed class PrimarySilo(SiloOptions options, TextWriter output, TimeProvider time, IPEndPoint byDefault)
{
    private static readonly TimeSpan ConfiguredTimeout = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ReportInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(100);

    private readonly SiloOrleansOptions _settings = options.Orleans;

    /// <summary>The default: the silo of the host on HTTP port 4000.</summary>
    public static IPEndPoint Default { get; } = new(IPAddress.Loopback, SiloPlace.FirstSiloPort);

    /// <summary>Decides which silo is the primary, and waits for it if it is none of this process.</summary>
    /// <exception cref="SiloStartException">The configured primary does not answer.</exception>
    public async Task<IPEndPoint> FindAsync(IReadOnlyList<SiloPlace> places, CancellationToken stop)
    {
        if (_settings.Primary is { } configured)
        {
            if (!places.Any(place => IsAt(place, configured)))
            {
                await WaitForConfiguredAsync(configured, stop);
            }

            return configured;
        }

        if (places.Any(place => IsAt(place, byDefault)))
        {
            return byDefault;
        }

        // Whoever lets the system choose the ports wants to be found by nobody, and to find nobody, on the usual ones.
        if (places[0].HttpPort != 0 && await AnswersAsync(byDefault, stop))
        {
            await output.WriteLineAsync($"Joining the cluster of the silo at {byDefault}.");
            return byDefault;
        }

        return new IPEndPoint(IPAddress.Loopback, places[0].SiloPort);
    }

    public static bool IsAt(SiloPlace place, IPEndPoint address) =>
        place.SiloPort == address.Port && IPAddress.IsLoopback(address.Address);

    private async Task<bool> AnswersAsync(IPEndPoint primary, CancellationToken stop)
    {
        var found = await ProbeAsync(primary, DefaultTimeout, null, stop);
        if (found != ProbedSilo.Silo)
        {
            await output.WriteLineAsync(
                $"{(found == ProbedSilo.Nothing ? "No silo answers" : $"No silo of cluster '{_settings.ClusterId}' answers")} at {primary}, "
                + "the default primary: this process forms a cluster of its own.");
        }

        return found == ProbedSilo.Silo;
    }

    private async Task WaitForConfiguredAsync(IPEndPoint primary, CancellationToken stop)
    {
        var found = await ProbeAsync(
            primary,
            ConfiguredTimeout,
            elapsed => output.WriteLineAsync($"Waiting for the primary silo at {primary}: {elapsed.TotalSeconds:0} s of {ConfiguredTimeout.TotalSeconds:0} s."),
            stop);
        if (found != ProbedSilo.Silo)
        {
            throw new SiloStartException(
                $"Presence:Orleans:Primary is '{primary}': "
                + (found == ProbedSilo.Nothing
                    ? "no silo answers there"
                    : $"what answers there is no silo of cluster '{_settings.ClusterId}' (Presence:Orleans:ClusterId)")
                + $" within {ConfiguredTimeout.TotalSeconds:0} s. Start that silo first, name another, or set ConnectionStrings:Presence.");
        }
    }

    /// <summary>Probes until a silo answers or the time is over; says what was found last.</summary>
    private async Task<ProbedSilo> ProbeAsync(IPEndPoint primary, TimeSpan within, Func<TimeSpan, Task>? report, CancellationToken stop)
    {
        var begun = time.GetTimestamp();
        var reported = TimeSpan.Zero;
        var found = ProbedSilo.Nothing;
        while (found != ProbedSilo.Silo && time.GetElapsedTime(begun) is var elapsed && elapsed < within)
        {
            stop.ThrowIfCancellationRequested();
            if (report is not null && elapsed - reported >= ReportInterval)
            {
                reported = elapsed;
                await report(elapsed);
            }

            var left = within - elapsed;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(left < ReportInterval ? left : ReportInterval);
            try
            {
                found = await SiloProbe.LookAsync(primary, _settings.ClusterId, limit.Token);
            }
            catch (OperationCanceledException)
            {
                // Nothing refused the connection, and nothing took it.
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
