namespace Presence.UniqueMember;

/// <summary>Tells the test, by lines on the standard output, what happens here and when by the clock of the machine.</summary>
/// <remarks>Each line is with the system before the call returns: a process that is killed afterwards has told it.</remarks>
internal sealed class Report(string member)
{
    private readonly Lock _gate = new();
    private int _terms;

    public void Ready() => Tell("ready");

    /// <summary>Names the term: no two terms have the same name, whatever became of the process before.</summary>
    public string Began(UniqueProcessContext context)
    {
        var at = Stopwatch.GetTimestamp();
        var term = $"{member}/{Environment.ProcessId}/{Interlocked.Increment(ref _terms)}";
        Tell($"began {context.Name} {term} {context.Epoch?.ToString(CultureInfo.InvariantCulture) ?? "-"}", at);
        return term;
    }

    public void Ended(UniqueProcessContext context, string term) => Tell($"ended {context.Name} {term} {context.StopReason?.ToString() ?? "-"}");

    public void Companion(string what, UniqueProcessContext context) => Tell($"companion {what} {context.Name}");

    public void Starved(TimeSpan span) => Tell($"starved {span.TotalMilliseconds:0}");

    private void Tell(string what, long? at = null)
    {
        lock (_gate)
        {
            Console.WriteLine($"@{at ?? Stopwatch.GetTimestamp()} {what}");
        }
    }
}
