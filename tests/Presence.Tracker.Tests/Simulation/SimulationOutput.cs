using Xunit.Sdk;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>
/// Prints to the console of a plain <c>dotnet test</c>, which hides the output of passing tests except for diagnostic
/// messages of the runner (enabled in xunit.runner.json).
/// </summary>
public sealed class SimulationOutput(IMessageSink sink)
{
    /// <summary>Prints a text, line by line. Thread-safe.</summary>
    public void Print(string text)
    {
        foreach (var line in text.Split(Environment.NewLine))
        {
            sink.OnMessage(new DiagnosticMessage(line));
        }
    }
}
