using System.Globalization;

namespace Presence.Harness;

/// <summary>
/// Acceptance bounds on elapsed time. A machine that others share can stretch any single measurement, so a scenario
/// that took too long is repeated; what takes too long by itself does so each time.
/// </summary>
public static class TimeBound
{
    /// <summary>How often a scenario runs at most.</summary>
    public const int Attempts = 3;

    /// <summary>Runs the scenario until it keeps the bound. Whatever it throws is final.</summary>
    /// <param name="scenario">Gets the number of the attempt, and returns the time that is bounded.</param>
    /// <exception cref="TimeoutException">
    /// All attempts took longer, or one failed after such: the message has each time and the text of the failure.
    /// </exception>
    public static async Task MustHoldAsync(string what, TimeSpan bound, Func<int, Task<TimeSpan>> scenario)
    {
        var taken = new List<string>();
        while (taken.Count < Attempts)
        {
            TimeSpan time;
            try
            {
                time = await scenario(taken.Count + 1);
            }
            catch (Exception e) when (taken.Count > 0)
            {
                throw new TimeoutException($"{Describe()} Attempt {taken.Count + 1} failed: {e.Message}", e);
            }

            if (time <= bound)
            {
                return;
            }

            taken.Add(time.TotalSeconds.ToString("0.00 s", CultureInfo.InvariantCulture));
        }

        throw new TimeoutException(Describe());

        string Describe() => string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: {string.Join(", ", taken)}, allowed are {bound.TotalSeconds:0.##} s.");
    }
}
