using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections.Abstractions;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.SignalR;

namespace Presence.SignalR;

/// <summary>
/// The transport of a connection, which takes long messages in large segments. SignalR sends each segment of its pipe
/// as a WebSocket frame with a system call of its own, and <see cref="PipeWriter.WriteAsync"/> of a pipe cuts messages
/// into segments of 4 KiB: most of the cost of a state.
/// </summary>
/// <remarks>It has no state, so that it can replace the transport while another message is written.</remarks>
internal sealed class LargeSegmentTransport(IDuplexPipe inner) : IDuplexPipe
{
    /// <summary>Maximum size of a segment: with the header of its frame it fits a pooled array of 32 KiB.</summary>
    public const int MaxSegment = (32 * 1024) - 64;

    /// <summary>Size of the segments of SignalR's pipe.</summary>
    public const int SmallSegment = 4096;

    public PipeReader Input => inner.Input;

    public PipeWriter Output { get; } = new Writer(inner.Output);

    /// <summary>Lets the connection write through it from now on; false if it keeps its transport.</summary>
    public static bool Use(HubConnectionContext connection)
    {
        // The transport of a connection with stateful reconnects is replaced at any time, and by nobody else.
#pragma warning disable CA2252 // SignalR, which is not a preview, sets this feature.
        var isReplaced = connection.Features.Get<IStatefulReconnectFeature>() is not null;
#pragma warning restore CA2252
        var feature = connection.Features.Get<IConnectionTransportFeature>();
        if (!isReplaced && feature is { Transport: not LargeSegmentTransport })
        {
            feature.Transport = new LargeSegmentTransport(feature.Transport);
        }

        return !isReplaced && feature is not null;
    }

    private sealed class Writer(PipeWriter inner) : PipeWriter
    {
        public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

        public override long UnflushedBytes => inner.UnflushedBytes;

        public override ValueTask<FlushResult> WriteAsync(
            ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
        {
            // The pipe itself rejects a canceled write before it takes any of it.
            if (source.Length <= SmallSegment || cancellationToken.IsCancellationRequested)
            {
                return inner.WriteAsync(source, cancellationToken);
            }

            for (var rest = source.Span; rest.Length > 0;)
            {
                var segment = rest[..Math.Min(rest.Length, MaxSegment)];
                segment.CopyTo(inner.GetSpan(segment.Length));
                inner.Advance(segment.Length);
                rest = rest[segment.Length..];
            }

            return inner.FlushAsync(cancellationToken);
        }

        public override void Advance(int bytes) => inner.Advance(bytes);

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.GetSpan(sizeHint);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) =>
            inner.FlushAsync(cancellationToken);

        public override void CancelPendingFlush() => inner.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Complete(exception);

        public override ValueTask CompleteAsync(Exception? exception = null) => inner.CompleteAsync(exception);
    }
}
