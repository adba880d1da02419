namespace Presence.Grains.Security;

/// <summary>Accepts each number of a sender once. Numbers far below the highest are rejected without memory.</summary>
internal sealed class ReplayWindow
{
    /// <summary>How far a number may lag behind the highest: calls that overtake each other.</summary>
    public const int Size = 65_536;

    private readonly ulong[] _seen = new ulong[Size / 64];
    private readonly Lock _gate = new();
    private ulong _max;

    /// <summary>Gets or sets the time of the last accepted number, for eviction.</summary>
    public long LastUse { get; set; }

    public bool Accept(ulong number)
    {
        lock (_gate)
        {
            if (number > _max)
            {
                for (var next = Math.Max(_max + 1, number < Size ? 0 : number - Size + 1); next < number; next++)
                {
                    Bit(next) &= ~Mask(next);
                }

                _max = number;
            }
            else if (_max - number >= Size || (Bit(number) & Mask(number)) != 0)
            {
                return false;
            }

            Bit(number) |= Mask(number);
            return true;
        }
    }

    private static ulong Mask(ulong number) => 1UL << (int)(number % 64);

    private ref ulong Bit(ulong number) => ref _seen[number % Size / 64];
}
