using System.Runtime;

namespace Presence.Benchmarks.Measuring;

/// <summary>Measures rows one after another and prints each result at once.</summary>
internal static class Runner
{
    /// <returns>0, or 1 if a row could not be measured.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<Row> rows, Effort effort, TextWriter output, TextWriter notes)
    {
        var begun = Stopwatch.StartNew();
        var collector = GCSettings.IsServerGC ? "server" : "workstation";
        var mode = effort == Effort.Quick ? "quick" : $"median of {effort.Runs} runs";
        await notes.WriteLineAsync(
            $"# .NET {Environment.Version}, {Environment.ProcessorCount} processors, {collector} GC, {mode}");
        var failed = 0;
        var skipped = 0;
        var slowest = new List<(TimeSpan Took, string Row)>();
        foreach (var row in rows)
        {
            var rowBegun = begun.Elapsed;
            try
            {
                var values = new List<double>();
                for (var run = 0; run < Math.Max(effort.Runs, row.LeastRuns); run++)
                {
                    Memory.CleanUp();
                    values.Add(
                        await (row.NeedsOwnProcess ? OwnProcess.MeasureAsync(row, effort) : row.Measure(effort)));
                }

                await output.WriteLineAsync($"{row.Group}\t{row.Name}\t{Text(Statistics.Median(values))}\t{row.Unit}");
                await output.FlushAsync();
            }
            catch (CannotBeMeasuredException e)
            {
                skipped++;
                await notes.WriteLineAsync($"# {row.FullName} skipped: {e.Message}");
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failed++;
                await notes.WriteLineAsync($"# {row.FullName} failed: {e}");
            }

            slowest.Add((begun.Elapsed - rowBegun, row.FullName));
        }

        slowest.Sort((a, b) => b.CompareTo(a));
        var times = slowest.Take(6).Select(row => $"{row.Row} {row.Took.TotalSeconds:F0} s");
        await notes.WriteLineAsync($"# slowest: {string.Join(", ", times)}");
        await notes.WriteLineAsync(
            $"# {rows.Count - failed - skipped} of {rows.Count} rows in {begun.Elapsed.TotalSeconds:F0} s");
        return failed == 0 ? 0 : 1;
    }

    /// <summary>Formats three significant digits, or all digits before the point if there are more.</summary>
    internal static string Text(double value)
    {
        var decimals = value == 0 ? 0 : Math.Clamp(2 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 9);
        return value.ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }
}
