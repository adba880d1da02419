using System.Globalization;
using System.Numerics;
using Presence.Channels;

namespace Presence.Samples.Playground;

/// <summary>Serves <c>wild:A:B</c>: accepts a join if B is twice A.</summary>
internal sealed class WildChannel : Channel
{
    /// <remarks>Other text than numbers makes <see cref="BigInteger.Parse(string)"/> throw, which fails only the
    /// join.</remarks>
    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        var numbers = Topic["wild:".Length..].Split(':')
            .Select(text => BigInteger.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            .ToArray();
        return new(numbers is [var a, var b] && b == a * 2 ? JoinResult.Ok() : JoinResult.Error());
    }

    protected override ValueTask<ChannelResult> HandleInAsync(string name, ChannelPayload payload) => name == "ping"
        ? new(ChannelResult.Ok(new { ping = "pong" }))
        : base.HandleInAsync(name, payload);
}
