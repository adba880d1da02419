namespace Presence.Channels.Wire;

/// <summary>
/// Counts the frames in what a WebSocket client sends (RFC 6455, section 5.2), whatever they are: messages, parts of
/// messages, pings, empty ones.
/// </summary>
internal struct FrameCounter
{
    // Bytes of the header that were read; those of the payload and mask that follow.
    private int _header;
    private int _lengthBytes;
    private bool _isMasked;
    private ulong _rest;

    /// <returns>The number of frames that begin in the bytes.</returns>
    public int Count(ReadOnlySpan<byte> bytes)
    {
        var frames = 0;
        while (!bytes.IsEmpty)
        {
            if (_header == 0 && _rest > 0)
            {
                var skipped = (int)Math.Min(_rest, (ulong)bytes.Length);
                _rest -= (ulong)skipped;
                bytes = bytes[skipped..];
                continue;
            }

            ReadHeader(bytes[0], ref frames);
            bytes = bytes[1..];
        }

        return frames;
    }

    private void ReadHeader(byte next, ref int frames)
    {
        switch (_header++)
        {
            case 0:
                frames++;
                return;
            case 1:
                var length = next & 0x7F;
                _isMasked = (next & 0x80) != 0;
                _lengthBytes = length switch { 126 => 2, 127 => 8, _ => 0 };
                _rest = _lengthBytes == 0 ? (ulong)length : 0;
                break;
            default:
                _rest = (_rest << 8) | next;
                _lengthBytes--;
                break;
        }

        if (_lengthBytes == 0)
        {
            _header = 0;
            _rest += _isMasked ? 4UL : 0;
        }
    }
}
