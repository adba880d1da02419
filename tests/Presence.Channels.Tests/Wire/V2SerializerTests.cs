using Presence.Channels.Wire;

namespace Presence.Channels.Tests.Wire;

public sealed class V2SerializerTests
{
    private static readonly IFrameSerializer V2 = FrameSerializers.V2;

    [Theory]
    [InlineData("""["3","9","room:1","new",{"a":1}]""", "3", "9", "room:1", "new", """{"a":1}""")]
    [InlineData("""[null,"7","phoenix","heartbeat",{}]""", null, "7", "phoenix", "heartbeat", "{}")]
    [InlineData("""[null,null,"t","e",null]""", null, null, "t", "e", "null")]
    [InlineData("""["1","1","t","e",[1, 2]]""", "1", "1", "t", "e", "[1, 2]")]
    [InlineData("""["1","1","t","e","text"]""", "1", "1", "t", "e", "\"text\"")]
    [InlineData("""["1","1","t","e",{"x":"\u00e9 \ud83d\ude00"},"more",[]]""", "1", "1", "t", "e",
        """{"x":"\u00e9 \ud83d\ude00"}""")]
    [InlineData(""" [ "1" , "2" , "😀" , "e" , { "k" : 1 } ] """, "1", "2", "😀", "e", """{ "k" : 1 }""")]
    public void Text_frames_are_decoded_and_their_payload_stays_as_written(
        string text, string? joinRef, string? reference, string topic, string name, string payload)
    {
        Assert.True(V2.TryDecode(Encoding.UTF8.GetBytes(text), false, out var frame));
        Assert.Equal((joinRef, reference, topic, name), (frame.JoinRef.Text, frame.Ref.Text, frame.Topic, frame.Event));
        Assert.Equal(payload, frame.Payload.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""["1","1","t","e"]""")]
    [InlineData("""["1","1",null,"e",{}]""")]
    [InlineData("""["1","1","t",5,{}]""")]
    [InlineData("""["1","1","t","e",{]""")]
    [InlineData("""["1","1","t","e",{}""")]
    [InlineData("""["1","1","t","e",{}] []""")]
    [InlineData("""["1","1",["t"],"e",{}]""")]
    public void Malformed_frame_is_rejected(string text) =>
        Assert.False(V2.TryDecode(Encoding.UTF8.GetBytes(text), false, out _));

    [Fact]
    public void A_reference_longer_than_255_bytes_is_rejected() =>
        Assert.False(
            V2.TryDecode(Encoding.UTF8.GetBytes($"""["{new string('1', 256)}","1","t","e",null]"""), false, out _));

    [Fact]
    public void Unlimited_nesting_is_rejected() =>
        Assert.False(
            V2.TryDecode(Encoding.UTF8.GetBytes($"[null,null,\"t\",\"e\",{new string('[', 100_000)}"), false, out _));

    [Fact]
    public void Text_of_a_value_is_sent_as_UTF8() => Assert.Equal(
        """["3",null,"東京 😀","new",{"text":"日本語 <é>"}]""",
        V2.Push("3", "東京 😀", "new", ChannelPayload.From(new { Text = "日本語 <é>" })).ToString());

    [Fact]
    public void Push_is_encoded_as_in_the_protocol() => Assert.Equal(
        """["3",null,"room:1","new",{"a": 1}]""",
        V2.Push("3", "room:1", "new", ChannelPayload.Json("""{"a": 1}""")).ToString());

    [Fact]
    public void Broadcast_is_encoded_as_in_the_protocol() =>
        Assert.Equal("""[null,null,"t","e",{}]""", V2.Broadcast("t", "e", default).ToString());

    [Fact]
    public void Reply_is_encoded_as_in_the_protocol() => Assert.Equal(
        """["3","9","t","phx_reply",{"status":"error","response":{"reason":"no"}}]""",
        V2.Reply("3", "9", "t", ChannelReply.Error(ChannelPayload.From(new { reason = "no" }))).ToString());

    [Fact]
    public void Names_are_escaped()
    {
        var frame = V2.Broadcast("a\"b\\c\n😀é", "e", default);
        Assert.True(V2.TryDecode(frame.Head, false, out var read));
        Assert.Equal("a\"b\\c\n😀é", read.Topic);
    }

    [Fact]
    public void A_large_shared_payload_stays_one_array_for_all_sockets()
    {
        var payload = new SharedPayload(Encoding.UTF8.GetBytes($"\"{new string('x', 5000)}\""));
        var one = V2.PushShared("1", "t", "presence_state", payload);
        var other = V2.PushShared("2", "t", "presence_state", payload);
        Assert.True(one.Body.Equals(other.Body));
        Assert.Equal($"""["2",null,"t","presence_state","{new string('x', 5000)}"]""", other.ToString());
    }

    [Fact]
    public void A_small_shared_payload_is_copied_into_one_frame() => Assert.Equal(
        """["1",null,"t","e",{}]""",
        Encoding.UTF8.GetString(V2.PushShared("1", "t", "e", new SharedPayload("{}"u8)).Head.Span));

    [Fact]
    public void Binary_push_of_a_client_is_decoded()
    {
        byte[] bytes = [0, 1, 2, 3, 4, .. "1"u8, .. "23"u8, .. "top"u8, .. "even"u8, 9, 8, 7];
        Assert.True(V2.TryDecode(bytes, true, out var frame));
        Assert.Equal(("1", "23", "top", "even"), (frame.JoinRef.Text, frame.Ref.Text, frame.Topic, frame.Event));
        Assert.True(frame.Payload.IsBinary);
        Assert.Equal([9, 8, 7], frame.Payload.Bytes.ToArray());
    }

    [Fact]
    public void Binary_frames_that_are_too_short_or_of_another_kind_are_rejected()
    {
        Assert.False(V2.TryDecode(Array.Empty<byte>(), true, out _));
        Assert.False(V2.TryDecode(new byte[] { 0, 1, 1 }, true, out _));
        Assert.False(V2.TryDecode(new byte[] { 0, 255, 255, 255, 255, 1 }, true, out _));
        Assert.False(V2.TryDecode(new byte[] { 1, 0, 0, 0, 0 }, true, out _));
    }

    [Fact]
    public void Longest_names_of_a_binary_push_are_decoded_and_fit_its_answer()
    {
        var names = new string('r', 255) + new string('s', 255) + new string('t', 255) + new string('e', 255);
        Assert.True(
            V2.TryDecode((byte[])[0, 255, 255, 255, 255, .. Encoding.UTF8.GetBytes(names), 7], true, out var frame));
        Assert.Equal(names, frame.JoinRef.Text + frame.Ref.Text + frame.Topic + frame.Event);
        Assert.Equal(
            [1, 255, 255, 255, 2, .. Encoding.UTF8.GetBytes(names[..765]), .. "ok"u8, 7],
            V2.Reply(frame.JoinRef, frame.Ref, frame.Topic, ChannelReply.Ok(frame.Payload)).Head.ToArray());
    }

    [Fact]
    public void Binary_frames_are_encoded_as_in_the_protocol()
    {
        var data = ChannelPayload.Binary(new byte[] { 1, 2 });
        Assert.Equal([0, 1, 1, 1, .. "3te"u8, 1, 2], V2.Push("3", "t", "e", data).Head.ToArray());
        Assert.Equal(
            [1, 1, 1, 1, 2, .. "39tok"u8, 1, 2], V2.Reply("3", "9", "t", ChannelReply.Ok(data)).Head.ToArray());
        Assert.Equal([2, 1, 1, .. "te"u8, 1, 2], V2.Broadcast("t", "e", data).Head.ToArray());
    }

    [Fact]
    public void A_name_that_does_not_fit_a_binary_frame_is_an_error() =>
        Assert.Throws<ArgumentException>(() => V2.Broadcast(new string('t', 256), "e", ChannelPayload.Binary(default)));

    [Theory]
    [InlineData(null, 0)]
    [InlineData("1.0.0", 0)]
    [InlineData("1.0.9", 0)]
    [InlineData("2.0.0", 1)]
    [InlineData("2.0.5", 1)]
    public void The_version_chooses_the_serializer(string? vsn, int slot) =>
        Assert.Equal(slot, FrameSerializers.Find(vsn)!.Slot);

    [Theory]
    [InlineData("3.0.0")]
    [InlineData("2.1.0")]
    [InlineData("2")]
    [InlineData("2.0")]
    [InlineData("2.0.0.0")]
    [InlineData("two")]
    [InlineData("")]
    public void Unsupported_version_has_no_serializer(string vsn) => Assert.Null(FrameSerializers.Find(vsn));

    [Fact]
    public void Version_1_is_an_object_without_join_references()
    {
        var v1 = FrameSerializers.V1;
        Assert.True(v1.TryDecode(
            """{"topic":"t","event":"e","payload":{"a":1},"ref":"4"}"""u8.ToArray(), false, out var frame));
        Assert.Equal(
            (null, "4", "t", "e", """{"a":1}"""),
            (frame.JoinRef.Text, frame.Ref.Text, frame.Topic, frame.Event, frame.Payload.ToString()));
        Assert.Equal(
            """{"ref":"4","topic":"t","event":"phx_reply","payload":{"status":"ok","response":{}}}""",
            v1.Reply(null, "4", "t", ChannelReply.Ok()).ToString());
        Assert.False(v1.TryDecode("""{"topic":"t"}"""u8.ToArray(), false, out _));
        Assert.False(v1.TryDecode("[]"u8.ToArray(), false, out _));
    }
}
