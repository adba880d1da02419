namespace Presence.Postgres;

/// <summary>Pauses between attempts: twice as long each time up to a limit, and never the same for two members.</summary>
internal sealed class Backoff(TimeSpan longest, Random random)
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);

    private TimeSpan _next = First;

    public TimeSpan Next()
    {
        var pause = _next;
        _next = pause * 2 < longest ? pause * 2 : longest;
        return pause * (0.5 + (random.NextDouble() / 2));
    }

    public void Reset() => _next = First;
}
