using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Presence.Node.Hosting;

/// <summary>The address of a client for its limits: IPv4 as it is, IPv6 without the lower half.</summary>
internal static class ClientAddress
{
    public static UInt128 KeyOf(IPAddress? address)
    {
        if (address is null)
        {
            return UInt128.Zero;
        }

        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
        {
            // A household or an attacker usually has a whole /64.
            bytes[8..].Clear();
            return BinaryPrimitives.ReadUInt128BigEndian(bytes);
        }

        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    /// <summary>Returns the address of a key as text; of IPv6 its network.</summary>
    public static string TextOf(UInt128 key)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, key);
        return key == UInt128.Zero ? "an unknown address"
            : key <= uint.MaxValue ? new IPAddress(bytes[12..]).ToString()
            : $"{new IPAddress(bytes)}/64";
    }
}
