using Presence.Harness.Histories;
using Presence.Harness.Unique;

namespace Presence.Processes.Tests.Unique;

/// <summary>What the tests hold the two modes to.</summary>
internal static class Rules
{
    public static TimeSpan Lease { get; } = TimeSpan.FromSeconds(2);

    public static UniqueRules Consistent { get; } = new() { Lease = Lease, MostVacant = Lease + TimeSpan.FromSeconds(2) };

    /// <summary>A member is held down after four seconds; then come the delay of a takeover and two rounds of agreement.</summary>
    public static UniqueRules Available { get; } = new() { MostVacant = TimeSpan.FromSeconds(15) };

    /// <summary>Orleans declares a killed silo dead after six seconds and some; the grain may have been on it and has to ask everybody anew.</summary>
    public static UniqueRules AvailableOnSilos { get; } = new() { MostVacant = TimeSpan.FromSeconds(20) };

    public static UniqueRules Of(string mode) => mode == "Consistent" ? Consistent : Available;

    /// <summary>Why a process last ended on a member; null if it did not.</summary>
    public static string? ReasonOf(this UniqueTrio trio, string process, int member) => trio.History.Events.OfType<TermEnded>()
        .Where(ended => ended.Process == process && ended.Term.StartsWith(UniqueTrio.Name(member), StringComparison.Ordinal))
        .MaxBy(ended => ended.At)?.Reason;

    /// <summary>All are asked to stop, and the history must be without a fault.</summary>
    public static async Task EndFlawlesslyAsync(this UniqueTrio trio, UniqueRules rules)
    {
        await Task.WhenAll(Enumerable.Range(0, 3).Where(trio.IsRunning).Select(trio.TerminateAsync));
        var findings = HistoryChecker.Check(trio.History.Events).Concat(UniqueChecker.Check(trio.History.Events, rules)).ToList();
        Assert.True(findings.Count == 0, $"{string.Join('\n', findings)}\n\n{trio.Story()}");
    }
}
