using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Orleans.Runtime;
using Orleans.Serialization.Invocation;
using Presence.Grains.Transport;
using Presence.Grains.Unique;
using Presence.Tracker;

namespace Presence.Grains.Security;

/// <summary>What an authenticator covers of a call: target grain, interface, method and arguments.</summary>
/// <remarks>
/// Arguments of Orleans' own interfaces and changes of topics, which stay on a silo, are not covered; nor is the trace
/// context of a frame, which earlier versions do not have: it only names a span.
/// </remarks>
internal readonly record struct CallContent(GrainId Target, IInvokable Request)
{
    /// <summary>Returns whether the silos that the arguments name as their sender are this one.</summary>
    public bool IsOf(string sender)
    {
        for (var i = 0; i < Request.GetArgumentCount(); i++)
        {
            var named = Request.GetArgument(i) switch
            {
                DeltaBatch batch => batch.FromSilo,
                UniqueSeat seat => seat.Silo,
                _ => sender,
            };
            if (named != sender)
            {
                return false;
            }
        }

        return true;
    }

    public void Hash(byte[] key, ReadOnlySpan<byte> header, Span<byte> result)
    {
        using var hash = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
        hash.AppendData(header);
        Append(hash, Target.ToString());
        Append(hash, Request.GetInterfaceName());
        Append(hash, Request.GetMethodName());
        for (var i = 0; i < Request.GetArgumentCount(); i++)
        {
            Append(hash, Request.GetArgument(i));
        }

        hash.GetHashAndReset(result);
    }

    private static void Append(IncrementalHash hash, object? argument)
    {
        switch (argument)
        {
            case string text:
                Append(hash, Encoding.UTF8.GetBytes(text));
                break;
            case byte[] bytes:
                Append(hash, bytes.AsSpan());
                break;
            case IReadOnlyList<string> texts:
                Append(hash, texts.Count);
                foreach (var text in texts)
                {
                    Append(hash, text);
                }

                break;
            case DeltaBatch batch:
                Append(hash, batch.From);
                Append(hash, batch.FromSilo);
                foreach (var frame in batch.Frames ?? [])
                {
                    Append(hash, frame.Channel);
                    Append(hash, frame.Shard);
                    Append(hash, frame.Body.Span);
                }

                break;
            case PresenceMeta meta:
                Append(hash, meta.Utf8.Span);
                break;
            case PresenceHandle handle:
                Append(hash, new[] { handle.Silo, handle.Lease, handle.Topic, handle.Key, handle.Ref });
                break;
            case UniqueSeat seat:
                Append(hash, string.Create(
                    CultureInfo.InvariantCulture,
                    $"{seat.Id} {seat.Number} {seat.Node} {seat.Silo} {seat.Mode} {seat.State} {seat.IsAble} "
                    + $"{seat.Term} {seat.Epoch}"));
                break;
            case TimeSpan duration:
                Append(hash, duration.Ticks);
                break;
            case int or long:
                Append(hash, BitConverter.GetBytes(Convert.ToInt64(argument, CultureInfo.InvariantCulture)).AsSpan());
                break;
            default:
                // Null, a token, or a type that is not covered.
                Append(hash, []);
                break;
        }
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }
}
