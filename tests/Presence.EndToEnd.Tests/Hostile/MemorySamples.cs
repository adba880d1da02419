using System.Globalization;

namespace Presence.EndToEnd.Tests.Hostile;

/// <summary>The memory of a host by its own metrics, once a second.</summary>
internal sealed class MemorySamples(string silo, ITestOutputHelper output) : IAsyncDisposable
{
    private const long MiB = 1024 * 1024;
    private const int MaxReported = 20;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private readonly HttpClient _http = new() { BaseAddress = new Uri(silo), Timeout = TimeSpan.FromMinutes(1) };
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Sample> _samples = [];
    private IReadOnlyList<string> _counters = [];
    private Task _sampling = Task.CompletedTask;

    public void Start() => _sampling = SampleAsync();

    /// <summary>
    /// Asserts that neither heap nor working set grew by a quarter and 64 MiB after the first fifth of the time.
    /// </summary>
    public async Task MustBeFlatAsync()
    {
        await StopAsync();
        var begun = _samples.Skip(_samples.Count / 5).ToList();
        MustBeFlat("heap", begun.ConvertAll(sample => sample.Heap));
        MustBeFlat("working set", begun.ConvertAll(sample => sample.WorkingSet));
    }

    /// <summary>Writes the samples, and the host's counters of slowed and closed clients.</summary>
    public async Task ReportAsync()
    {
        await StopAsync();
        var step = (_samples.Count / MaxReported) + 1;
        for (var number = step - 1; number < _samples.Count; number += step)
        {
            output.WriteLine($"sample {number + 1}: {_samples[number]}");
        }

        foreach (var line in _counters)
        {
            output.WriteLine(line);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _http.Dispose();
        _stop.Dispose();
    }

    private void MustBeFlat(string what, List<long> values)
    {
        var third = values.Count / 3;
        var (first, last) = (Median(values[..third]), Median(values[^third..]));
        output.WriteLine($"median {what}: {first / MiB} MiB in the first third, {last / MiB} MiB in the last");
        Assert.InRange(last, 0, (first / 4 * 5) + (64 * MiB));
    }

    private static long Median(List<long> values) => values.Order().ElementAt(values.Count / 2);

    private async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _sampling;
    }

    private async Task SampleAsync()
    {
        using var ticks = new PeriodicTimer(Interval);
        try
        {
            while (await ticks.WaitForNextTickAsync(_stop.Token))
            {
                var metrics = (await _http.GetStringAsync("/metrics", _stop.Token)).Split('\n');
                _counters = [.. metrics.Where(IsTelling)];
                _samples.Add(new(
                    Sum(metrics, "dotnet_gc_last_collection_heap_size_bytes"),
                    Sum(metrics, "dotnet_process_memory_working_set_bytes"),
                    Sum(metrics, "presence_waiting_bytes")));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped.
        }
        catch (HttpRequestException e)
        {
            output.WriteLine($"The host does not answer after {_samples.Count} samples: {e.Message}");
        }
    }

    private static bool IsTelling(string line) =>
        line.StartsWith("presence_sockets", StringComparison.Ordinal)
        || line.StartsWith("presence_frames_dropped", StringComparison.Ordinal);

    private static long Sum(string[] metrics, string name) => metrics
        .Where(line => line.StartsWith(name, StringComparison.Ordinal))
        .Sum(line => (long)double.Parse(
            line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .First(word => char.IsAsciiDigit(word[0])),
            CultureInfo.InvariantCulture));

    private readonly record struct Sample(long Heap, long WorkingSet, long Waiting)
    {
        public override string ToString() =>
            $"heap {Heap / MiB}, working set {WorkingSet / MiB}, waiting {Waiting / MiB} MiB";
    }
}
