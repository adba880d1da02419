using Presence.Samples.Playground;
namespace Presence.Samples.Tests.Playground;

public sealed class DupeChannelTests : PlaygroundCase
{
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(1);

    [Fact]
    public async Task Numbers_gather_while_they_are_broadcast()
    {
        var channel = await JoinedAsync("dupe");
        await BroadcastAsync(channel, 1);
        Assert.Equal(["1"], channel.As<DupeChannel>().Buffer);
        await BroadcastAsync(channel, 1);
        Assert.Equal(["1"], channel.As<DupeChannel>().Buffer);
        await BroadcastAsync(channel, 2);
        Assert.Equal(["1", "2"], channel.As<DupeChannel>().Buffer);
        await channel.RefutePushAsync();
    }

    [Fact]
    public async Task The_buffer_leaves_one_second_after_the_first_number()
    {
        var channel = await JoinedAsync("dupe");
        await BroadcastAsync(channel, 1, 1);
        await Server.AdvanceAsync(DupeChannel.Delay / 2);
        await BroadcastAsync(channel, 2);
        await Server.AdvanceAsync((DupeChannel.Delay / 2) - Moment);
        await channel.RefutePushAsync();
        await Server.AdvanceAsync(Moment);
        await channel.AssertPushAsync("number", new { value = 1 });
        await channel.RefutePushAsync("number", new { value = 1 });
        await channel.AssertPushAsync("number", new { value = 2 });
        await channel.RefutePushAsync();
        Assert.Empty(channel.As<DupeChannel>().Buffer);
    }

    [Fact]
    public async Task Each_number_leaves_once_in_the_order_in_which_it_first_came()
    {
        var channel = await JoinedAsync("dupe");
        await BroadcastAsync(channel, 1, 2, 3, 2);
        await Server.AdvanceAsync(DupeChannel.Delay);
        Assert.Equal(
            ["""number {"value":1}""", """number {"value":2}""", """number {"value":3}"""],
            channel.Received.Select(message => message.ToString()));
    }

    [Fact]
    public async Task The_next_second_begins_with_the_next_number()
    {
        var channel = await JoinedAsync("dupe");
        await BroadcastAsync(channel, 1);
        await Server.AdvanceAsync(DupeChannel.Delay);
        await channel.AssertPushAsync("number", new { value = 1 });
        await Server.AdvanceAsync(TimeSpan.FromHours(1));
        await BroadcastAsync(channel, 1);
        await Server.AdvanceAsync(DupeChannel.Delay - Moment);
        await channel.RefutePushAsync();
        await Server.AdvanceAsync(Moment);
        await channel.AssertPushAsync("number", new { value = 1 });
    }

    [Fact]
    public async Task Three_numbers_a_hundred_times_are_three_messages()
    {
        var channel = await JoinedAsync("dupe");
        for (var times = 0; times < 100; times++)
        {
            await BroadcastAsync(channel, 1, 2, 3);
        }

        await Server.AdvanceAsync(DupeChannel.Delay);
        Assert.Equal(3, channel.Received.Count);
    }

    [Fact]
    public async Task Each_client_has_a_buffer_of_its_own()
    {
        var early = await JoinedAsync("dupe");
        await BroadcastAsync(early, 1);
        var late = await JoinedAsync("dupe");
        await BroadcastAsync(early, 2);
        await Server.AdvanceAsync(DupeChannel.Delay);
        Assert.Equal(2, early.Received.Count);
        Assert.Single(late.Received);
    }

    [Fact]
    public async Task What_is_no_number_hurts_nobody()
    {
        var channel = await JoinedAsync("dupe");
        channel.BroadcastFrom("number", new { other = 1 });
        channel.BroadcastFrom("number", ChannelPayload.Json("[]"));
        channel.BroadcastFrom("number", new byte[] { 1 });
        await BroadcastAsync(channel, 7);
        await Server.AdvanceAsync(DupeChannel.Delay);
        await channel.AssertPushAsync("number", new { value = 7 });
        await channel.RefutePushAsync();
        Assert.Equal(TestChannelState.Joined, channel.State);
    }

    [Fact]
    public async Task A_full_buffer_leaves_at_once()
    {
        var channel = await JoinedAsync("dupe");
        await BroadcastAsync(channel, [.. Enumerable.Range(0, DupeChannel.BufferCapacity)]);
        await channel.RefutePushAsync();
        await BroadcastAsync(channel, -1);
        Assert.Equal(DupeChannel.BufferCapacity + 1, channel.Received.Count);
        await BroadcastAsync(channel, 5);
        await Server.AdvanceAsync(DupeChannel.Delay);
        Assert.Equal(DupeChannel.BufferCapacity + 2, channel.Received.Count);
    }

    private async Task BroadcastAsync(TestChannel channel, params int[] numbers)
    {
        foreach (var number in numbers)
        {
            channel.BroadcastFrom("number", new { number });
        }

        await Server.SettleAsync();
    }
}
