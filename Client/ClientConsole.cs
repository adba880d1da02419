using System.Text.Encodings.Web;
using System.Text.Json;
using Presence.Node.Hosting;

namespace Presence.CommandLine;

/// <summary>The output of results, and the output of everything else.</summary>
internal sealed record ClientConsole(TextWriter Out, TextWriter Error)
{
    private static readonly JsonSerializerOptions Web =
        new(JsonSerializerOptions.Web) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes one JSON object on a line; escaped text is the same JSON.</summary>
    public void Json(object value) => Line(JsonSerializer.Serialize(value, Web));

    /// <summary>Writes a line; characters that could move the cursor of the terminal are escaped.</summary>
    public void Line(string text) => Out.WriteLine(LogText.Escape(text));

    /// <summary>Writes a line about a failure, escaped.</summary>
    public void ErrorLine(string text) => Error.WriteLine(LogText.Escape(text));
}
