using Presence.Channels;

namespace Presence.Samples.Playground;

/// <summary>
/// Serves <c>recurring</c>: pushes a new token every five seconds.
/// </summary>
internal sealed class RecurringChannel(SocketTokens tokens) : Channel
{
    internal static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    private static readonly object SendToken = new();

    protected override ValueTask<JoinResult> JoinAsync(ChannelPayload payload)
    {
        ScheduleToken();
        return new(JoinResult.Ok());
    }

    protected override ValueTask HandleInfoAsync(object message)
    {
        if (message == SendToken)
        {
            ScheduleToken();
            var userId = ((UserSocket)Socket).UserId;
            Push("new_token", new { token = tokens.Create(UserSocket.TokenPurpose, userId, UserSocket.TokenLifetime) });
        }

        return default;
    }

    /// <summary>Schedules the next token; the timer ends with the channel.</summary>
    private void ScheduleToken() => SendAfter(SendToken, Period);
}
