using System.Text.Json;

namespace Presence.CommandLine;

/// <summary>Where results and errors go: results to the one, everything else to the other.</summary>
internal sealed record ClientConsole(TextWriter Out, TextWriter Error)
{
    /// <summary>One JSON object on a line of its own, as it is read by programs.</summary>
    public void Json(object value) => Out.WriteLine(JsonSerializer.Serialize(value, JsonSerializerOptions.Web));

    public void Line(string text) => Out.WriteLine(text);
}
