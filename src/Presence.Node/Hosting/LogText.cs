namespace Presence.Node.Hosting;

/// <summary>Text from outside for logs and terminals.</summary>
internal static class LogText
{
    /// <summary>
    /// Replaces what could forge a line, move a cursor or reverse text by <c>\uXXXX</c>: control characters, line
    /// separators, marks of direction, surrogates without their other half.
    /// </summary>
    public static string Escape(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (IsUnsafe(text, i))
            {
                return string.Concat(text.Select((c, at) => IsUnsafe(text, at) ? $"\\u{(int)c:X4}" : c.ToString()));
            }
        }

        return text;
    }

    /// <summary>Returns an exception that is printed escaped; the same if there is nothing to escape.</summary>
    public static Exception Escape(Exception exception) =>
        IsSafe(exception) ? exception : new EscapedException(exception);

    private static bool IsSafe(Exception? exception) =>
        exception is null
        || ((object)Escape(exception.Message) == exception.Message && IsSafe(exception.InnerException));

    private static bool IsUnsafe(string text, int at) => text[at] switch
    {
        < ' ' or (>= '\u007f' and <= '\u009f') => true,
        '\u061c' or '\u200e' or '\u200f' => true,
        (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069') => true,
        var c when char.IsHighSurrogate(c) => at + 1 >= text.Length || !char.IsLowSurrogate(text[at + 1]),
        var c when char.IsLowSurrogate(c) => at == 0 || !char.IsHighSurrogate(text[at - 1]),
        _ => false,
    };

    private sealed class EscapedException(Exception exception) : Exception(
        Escape(exception.Message),
        exception.InnerException is { } inner ? new EscapedException(inner) : null)
    {
        public override string? StackTrace => exception.StackTrace;

        public override string ToString() =>
            $"{exception.GetType()}: {Message}{(InnerException is { } inner ? $"\n ---> {inner}\n   ---" : "")}\n"
            + StackTrace;
    }
}
