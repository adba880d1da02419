namespace Presence.Benchmarks.Measuring;

/// <summary>
/// A row needs something that this machine lacks. The row is skipped with a note; the run does not fail.
/// </summary>
internal sealed class CannotBeMeasuredException(string why) : Exception(why);
