using System.Runtime.CompilerServices;
using System.Text;

namespace Presence.Tracker.Wire;

/// <summary>UTF-8 that rejects invalid text: its replacement on the wire would be another name than here.</summary>
internal static class StrictUtf8
{
    public static readonly UTF8Encoding Encoding = new(false, throwOnInvalidBytes: true);

    /// <summary>Returns the size of a text in UTF-8; 0 for null.</summary>
    /// <exception cref="ArgumentException">The text has no form in UTF-8.</exception>
    public static int SizeOf(string? text, string parameter)
    {
        try
        {
            return Encoding.GetByteCount(text ?? "");
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException(
                $"The {parameter} is not valid Unicode: it contains an unpaired surrogate.", parameter, e);
        }
    }

    /// <summary>Throws if a text has no form in UTF-8. Fast for texts without surrogates.</summary>
    /// <remarks>Not inlined: callers that enumerate a list would have no budget left to inline their loop.</remarks>
    /// <exception cref="ArgumentException">The text contains an unpaired surrogate.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Check(string? text, string parameter)
    {
        if (text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            SizeOf(text, parameter);
        }
    }
}
