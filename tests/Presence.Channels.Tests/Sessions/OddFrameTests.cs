namespace Presence.Channels.Tests.Sessions;

/// <summary>Frames that are unusual, or wrong in one message: the socket, its channels and presences stay.</summary>
public sealed class OddFrameTests : IDisposable
{
    private readonly Harness _harness = new();
    private readonly TestClient _client;

    public OddFrameTests() => _client = _harness.Connect();

    public void Dispose() => _harness.Dispose();

    public static TheoryData<string> References =>
        ["1", "-1.50", "true", "[1, \"a\"]", "{\"n\":1}", "\"\\ud83d\"", "\"text\""];

    [Theory]
    [MemberData(nameof(References))]
    public async Task Reference_of_any_JSON_value_comes_back_as_it_came(string value)
    {
        var refs = $"[{value},{value},\"echo\"";
        await _client.ExpectAsync($"{refs},\"phx_join\",{{}}]", Reply($"{refs}", "ok", "{}"));
        await _client.ExpectAsync($"{refs},\"echo\",[7]]", Reply($"{refs}", "ok", "[7]"));
        await _client.ExpectAsync($"{refs},\"push\",7]", $"[{value},null,\"echo\",\"pushed\",7]");
        await _client.ExpectAsync($"[null,{value},\"echo\",\"later\",7]");
        await _client.ExpectAsync($"[null,\"9\",\"echo\",\"now\",8]", Reply(refs, "ok", "8"));
        await _client.ExpectAsync(
            $"{refs},\"phx_leave\",{{}}]",
            Reply($"{refs}", "ok", "{}"),
            $"[{value},{value},\"echo\",\"phx_close\",{{}}]");
        await _client.ExpectAsync(
            $"[null,{value},\"phoenix\",\"heartbeat\",{{}}]", Reply($"[null,{value},\"phoenix\"", "ok", "{}"));
    }

    [Theory]
    [MemberData(nameof(References))]
    public async Task Reference_of_any_JSON_value_comes_back_as_it_came_in_version_1(string value)
    {
        var old = _harness.Connect("1.0.0");
        await old.ExpectAsync(Push1(value, "phx_join", "{}"), Reply1(value, "ok", "{}"));
        await old.ExpectAsync(Push1(value, "echo", "[7]"), Reply1(value, "ok", "[7]"));
        await old.ExpectAsync(
            Push1(value, "phx_leave", "{}"),
            Reply1(value, "ok", "{}"),
            $$$"""{"ref":{{{value}}},"topic":"echo","event":"phx_close","payload":{}}""");
    }

    [Fact]
    public async Task Push_of_an_earlier_join_is_stale_with_references_that_are_numbers()
    {
        await _client.ExpectAsync("""[1,1,"echo","phx_join",{}]""", Reply("[1,1,\"echo\"", "ok", "{}"));
        await _client.SendAsync("""["1",2,"echo","echo",{}]""");
        await _client.ExpectNothingAsync();
        Assert.Equal(1, _harness.Counted("presence.frames.dropped:stale"));
    }

    [Theory]
    [InlineData("""{"text":"abc\ud83d"}""")]
    [InlineData("""{"text":"abc\uDE00"}""")]
    [InlineData("""{"text":"\ud83d\ud83d\ude00"}""")]
    [InlineData("""{"text":"\ud83dx\ude00"}""")]
    [InlineData("""{"meta":[{"a\ud83d":1}]}""")]
    [InlineData("\"\\ud83d\"")]
    public async Task Half_of_a_surrogate_pair_is_an_error_of_one_push_or_join(string payload)
    {
        await JoinRoomAsync();
        await _client.RejectedAsync($"""["1","2","room:a","message",{payload}]""", "invalid text");
        await _client.RejectedAsync($"""["2","3","room:a","phx_join",{payload}]""", "invalid text");
        await StillThereAsync();
    }

    [Theory]
    [InlineData("\\ud83d\\ude00")]
    [InlineData("\\\\ud83d")]
    [InlineData("\\u0000\\\"\\n\\u00e9")]
    public async Task Escaped_text_is_passed_on(string text)
    {
        await _client.JoinAsync("echo");
        await _client.OkAsync($$"""["1","2","echo","echo",{"text":"{{text}}"}]""", $$"""{"text":"{{text}}"}""");
    }

    [Theory]
    [InlineData("room:\\ud83d", "phx_join")]
    [InlineData("room:a", "ev\\ud83d")]
    public async Task Half_of_a_surrogate_pair_in_a_name_is_an_error_of_that_frame(string topic, string name)
    {
        var head = $"[\"1\",\"2\",\"{topic}\"";
        await JoinRoomAsync();
        await _client.ExpectAsync($"{head},\"{name}\",{{}}]", Reply(head, "error", """{"reason":"invalid text"}"""));
        await StillThereAsync();
    }

    [Theory]
    [InlineData("\"topic\":\"room:\\ud83d\",\"event\":\"phx_join\",\"payload\":{}")]
    [InlineData("\"topic\":\"room:\\ud83d\",\"event\":\"x\",\"payload\":\"\\ud83d\",\"\\ud83d\":1")]
    public async Task Half_of_a_surrogate_pair_is_an_error_in_version_1(string members)
    {
        var old = _harness.Connect("1.0.0");
        await old.ExpectAsync(
            $$"""{"ref":5,{{members}}}""", Reply1("5", "error", """{"reason":"invalid text"}""", "room:\\ud83d"));
        Assert.Null(old.CloseCode);
    }

    [Fact]
    public async Task Name_of_a_binary_push_that_is_not_text_is_an_error_of_that_push()
    {
        await JoinRoomAsync();

        // As the stock client writes the topic "room:é".
        byte[] push = [0, 1, 1, 6, 1, .. "12room:"u8, 0xE9, .. "e"u8, 7];
        await _client.SendAsync(push);
        Assert.Equal(
            Reply("[\"1\",\"2\",\"room:\uFFFD\"", "error", """{"reason":"invalid text"}"""), await _client.NextAsync());
        await StillThereAsync();
    }

    [Fact]
    public async Task Payload_of_64_levels_is_passed_on_and_a_deeper_one_is_an_error_of_that_push()
    {
        static string Nested(int levels) => new string('[', levels) + new string(']', levels);
        await _client.JoinAsync("echo");
        await _client.OkAsync($"""["1","2","echo","echo",{Nested(64)}]""", Nested(64));
        await _client.RejectedAsync($"""["1","3","echo","echo",{Nested(65)}]""", "payload too deep");
        await _client.RejectedAsync($"""["1","4","echo","phx_join",{Nested(100_000)}]""", "payload too deep");
        await _client.OkAsync("""["1","5","echo","echo",{}]""");
        var old = _harness.Connect("1.0.0");
        await old.ExpectAsync(
            Push1("1,\"more\":" + Nested(99), "phx_join", Nested(65)),
            Reply1("1", "error", """{"reason":"payload too deep"}"""));
    }

    private static string Reply(string head, string status, string response) =>
        $$$"""{{{head}}},"phx_reply",{"status":"{{{status}}}","response":{{{response}}}}]""";

    private static string Push1(string reference, string name, string payload) =>
        $$"""{"topic":"echo","event":"{{name}}","payload":{{payload}},"ref":{{reference}} }""";

    private static string Reply1(string reference, string status, string response, string topic = "echo") =>
        $$$"""{"ref":{{{reference}}},"topic":"{{{topic}}}","event":"phx_reply","payload":"""
        + $$$"""{"status":"{{{status}}}","response":{{{response}}}}}""";

    private async Task JoinRoomAsync()
    {
        await _client.JoinAsync("room:a", payload: """{"key":"ann"}""");
        Assert.Contains("presence_state", await _client.NextAsync(), StringComparison.Ordinal);
    }

    private async Task StillThereAsync()
    {
        await _client.OkAsync("""["1","8","room:a","count",{}]""", """{"count":1}""");
        Assert.Null(_client.CloseCode);
        Assert.Equal(1, _harness.Node.Count("room:a"));
    }
}
