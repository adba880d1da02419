namespace Presence.Harness;

/// <summary>Waits for conditions without a notification, such as another process's state.</summary>
public static class TestTimeouts
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Polls until the condition holds.</summary>
    /// <param name="story">Returns more text for the failure message.</param>
    /// <returns>The time that it took.</returns>
    /// <exception cref="TimeoutException">The condition did not hold in time.</exception>
    public static async Task<TimeSpan> UntilAsync(
        string what, TimeSpan within, Func<Task<bool>> question, Func<string>? story = null)
    {
        var clock = Stopwatch.StartNew();
        while (!await question())
        {
            if (clock.Elapsed > within)
            {
                var more = story is null ? "" : "\n" + story();
                throw new TimeoutException($"Not met within {within.TotalSeconds:0.#} s: {what}.{more}");
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
