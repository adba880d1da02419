using System.Security.Cryptography;

namespace Presence.Node.Security;

/// <summary>Ids that nobody can guess: 128 random bits of the system's cryptographic generator.</summary>
/// <remarks>Takes the bits of many ids in one system call, because there may be an id for each presence.</remarks>
internal static class RandomIds
{
    public const int Size = 16;

    private const int IdsPerCall = 64;

    [ThreadStatic]
    private static byte[]? _bytes;

    [ThreadStatic]
    private static int _used;

    /// <summary>Writes an id.</summary>
    /// <param name="id">Its bytes.</param>
    public static void Fill(Span<byte> id)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(id.Length, Size);
        if (_bytes is null || _used == _bytes.Length)
        {
            RandomNumberGenerator.Fill(_bytes ??= new byte[Size * IdsPerCall]);
            _used = 0;
        }

        // The buffer does not keep what it gave out.
        var next = _bytes.AsSpan(_used, Size);
        next.CopyTo(id);
        next.Clear();
        _used += Size;
    }

    /// <summary>Returns an id as 32 lower-case hexadecimal digits.</summary>
    public static string NextText()
    {
        Span<byte> id = stackalloc byte[Size];
        Fill(id);
        return Convert.ToHexStringLower(id);
    }
}
