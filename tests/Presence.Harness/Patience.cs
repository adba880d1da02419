namespace Presence.Harness;

/// <summary>Waiting for what gives no sign of its own, such as another process's state.</summary>
public static class Patience
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Asks until the answer is yes.</summary>
    /// <param name="story">What a failure tells beside.</param>
    /// <returns>How long that took.</returns>
    /// <exception cref="TimeoutException">It stayed no.</exception>
    public static async Task<TimeSpan> UntilAsync(
        string what, TimeSpan within, Func<Task<bool>> question, Func<string>? story = null)
    {
        var clock = Stopwatch.StartNew();
        while (!await question())
        {
            if (clock.Elapsed > within)
            {
                var more = story is null ? "" : "\n" + story();
                throw new TimeoutException($"Within {within.TotalSeconds:0.#} s it did not become so: {what}.{more}");
            }

            await Task.Delay(Pause);
        }

        return clock.Elapsed;
    }

    /// <inheritdoc cref="UntilAsync(string, TimeSpan, Func{Task{bool}}, Func{string}?)"/>
    public static Task<TimeSpan> UntilAsync(
        string what, TimeSpan within, Func<bool> question, Func<string>? story = null) =>
        UntilAsync(what, within, () => Task.FromResult(question()), story);
}
