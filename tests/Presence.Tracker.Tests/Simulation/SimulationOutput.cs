using Xunit.Sdk;

namespace Presence.Tracker.Tests.Simulation;

/// <summary>
/// Prints on the console of a plain <c>dotnet test</c>, which shows nothing that a passing test writes: the runner's
/// diagnostic messages are the one thing it lets through (switched on in xunit.runner.json).
/// </summary>
public sealed class SimulationOutput(IMessageSink sink)
{
    /// <summary>Prints a text, line by line. Safe for use by several threads.</summary>
    public void Print(string text)
    {
        foreach (var line in text.Split(Environment.NewLine))
        {
            sink.OnMessage(new DiagnosticMessage(line));
        }
    }
}
