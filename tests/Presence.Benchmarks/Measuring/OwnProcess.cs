namespace Presence.Benchmarks.Measuring;

/// <summary>Measures a row in a process of its own: what earlier rows left behind would change its figure.</summary>
internal static class OwnProcess
{
    /// <summary>The argument that makes this program measure one row once and print its value.</summary>
    public const string Verb = "measure-row";

    /// <summary>Starts this program again and returns the value of the row.</summary>
    public static async Task<double> MeasureAsync(Row row, Effort effort)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            start.ArgumentList.Add(typeof(OwnProcess).Assembly.Location);
        }

        start.ArgumentList.Add(Verb);
        start.ArgumentList.Add(row.FullName);
        start.ArgumentList.Add(effort == Effort.Quick ? "quick" : "full");
        using var process = Process.Start(start)!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? double.Parse(text, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"The process of '{row.FullName}' ended with {process.ExitCode}.");
    }

    /// <summary>Measures the row of that name once and prints its value.</summary>
    public static async Task<int> RunAsync(IEnumerable<Row> rows, string name, string effort)
    {
        var row = rows.Single(row => row.FullName == name);
        Memory.CleanUp();
        var value = await row.Measure(effort == "quick" ? Effort.Quick : Effort.Full);
        Console.WriteLine(value.ToString("R", CultureInfo.InvariantCulture));
        return 0;
    }
}
