using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.SignalR.Protocol;

namespace Presence.SignalR.Tests;

/// <summary>The JSON protocol; counts how often a diff is serialized.</summary>
internal sealed class CountingProtocol : IHubProtocol
{
    private readonly JsonHubProtocol _inner = new();
    private int _diffs;

    public int Diffs => Volatile.Read(ref _diffs);

    public string Name => _inner.Name;

    public int Version => _inner.Version;

    public TransferFormat TransferFormat => _inner.TransferFormat;

    public bool IsVersionSupported(int version) => _inner.IsVersionSupported(version);

    public ReadOnlyMemory<byte> GetMessageBytes(HubMessage message)
    {
        if (message is InvocationMessage { Target: "PresenceDiff" })
        {
            Interlocked.Increment(ref _diffs);
        }

        return _inner.GetMessageBytes(message);
    }

    public void WriteMessage(HubMessage message, IBufferWriter<byte> output) =>
        output.Write(GetMessageBytes(message).Span);

    public bool TryParseMessage(
        ref ReadOnlySequence<byte> input, IInvocationBinder binder, [NotNullWhen(true)] out HubMessage? message) =>
        _inner.TryParseMessage(ref input, binder, out message);
}
