using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Presence.Grains.Clustering;

/// <summary>Result of a probe.</summary>
internal enum ProbedSilo
{
    /// <summary>No server accepts connections.</summary>
    Nothing,
    /// <summary>Another server, or a silo of another cluster.</summary>
    Other,
    /// <summary>A silo of the cluster.</summary>
    Silo,
}

/// <summary>Checks whether a silo of the cluster listens at an address, without joining the cluster.</summary>
/// <remarks>
/// A silo sends a preamble on every connection to its silo port: four bytes of length, then a serialized record with
/// the cluster ID.
/// </remarks>
internal static class SiloProbe
{
    private const int MaxPreambleLength = 1024;

    public static async Task<ProbedSilo> ProbeAsync(IPEndPoint address, string clusterId, CancellationToken stop)
    {
        try
        {
            using var client = new TcpClient(address.AddressFamily);
            await client.ConnectAsync(address, stop);
            return await ReadPreambleAsync(client.GetStream(), clusterId, stop) ? ProbedSilo.Silo : ProbedSilo.Other;
        }
        catch (SocketException)
        {
            return ProbedSilo.Nothing;
        }
    }

    private static async Task<bool> ReadPreambleAsync(NetworkStream stream, string clusterId, CancellationToken stop)
    {
        try
        {
            var length = new byte[sizeof(int)];
            await stream.ReadExactlyAsync(length, stop);
            if (BinaryPrimitives.ReadInt32LittleEndian(length) is not (> 0 and <= MaxPreambleLength and var count))
            {
                return false;
            }

            var preamble = new byte[count];
            await stream.ReadExactlyAsync(preamble, stop);
            return Contains(preamble, Encoding.UTF8.GetBytes(clusterId));
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Returns whether the preamble contains the whole text, with its length prefix.</summary>
    private static bool Contains(ReadOnlySpan<byte> preamble, byte[] text)
    {
        var prefixed = text.Length < 128 ? [(byte)((text.Length << 1) | 1), .. text] : text;
        return preamble.IndexOf(prefixed) >= 0;
    }
}
