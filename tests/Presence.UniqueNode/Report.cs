namespace Presence.UniqueNode;

/// <summary>Reports events to the test as lines on standard output, with the machine's monotonic clock.</summary>
/// <remarks>Each line is written before the call returns, so that it survives a kill of the process.</remarks>
internal sealed class Report(string node)
{
    private readonly Lock _gate = new();
    private int _terms;

    public void Ready() => WriteLine("ready");

    /// <summary>Returns the name of the new term, unique across restarts.</summary>
    public string Began(UniqueProcessContext context)
    {
        var at = Stopwatch.GetTimestamp();
        var term = $"{node}/{Environment.ProcessId}/{Interlocked.Increment(ref _terms)}";
        WriteLine($"began {context.Name} {term} {context.Epoch?.ToString(CultureInfo.InvariantCulture) ?? "-"}", at);
        return term;
    }

    public void Ended(UniqueProcessContext context, string term) =>
        WriteLine($"ended {context.Name} {term} {context.StopReason?.ToString() ?? "-"}");

    public void Companion(string what, UniqueProcessContext context) => WriteLine($"companion {what} {context.Name}");

    public void Starved(TimeSpan span) => WriteLine($"starved {span.TotalMilliseconds:0}");

    private void WriteLine(string what, long? at = null)
    {
        lock (_gate)
        {
            Console.WriteLine($"@{at ?? Stopwatch.GetTimestamp()} {what}");
        }
    }
}
