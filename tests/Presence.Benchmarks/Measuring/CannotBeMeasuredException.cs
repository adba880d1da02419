namespace Presence.Benchmarks.Measuring;

/// <summary>A row needs something that this machine lacks: it is left out with a word, and the run has not failed.</summary>
internal sealed class CannotBeMeasuredException(string why) : Exception(why);
