namespace Presence.Client.Tests;

public sealed class Reading_the_command_line
{
    [Theory]
    [InlineData("a verb is missing")]
    [InlineData("'wtach' is no verb", "wtach", "lobby")]
    [InlineData("watch takes a topic; 0 given", "watch")]
    [InlineData("get takes a topic and a key; 1 given", "get", "lobby")]
    [InlineData("cluster takes nothing; 1 given", "cluster", "lobby")]
    [InlineData("--colour is not an option of list", "list", "lobby", "--colour", "red")]
    [InlineData("--meta is not an option of list", "list", "lobby", "--meta", "{}")]
    [InlineData("--url needs a value", "list", "lobby", "--url")]
    [InlineData("--url is 'nowhere'", "list", "lobby", "--url", "nowhere")]
    [InlineData("--count is missing", "shoppers")]
    [InlineData("cluster speaks to the members' sockets", "cluster", "--orleans")]
    [InlineData("--gateway goes with --orleans", "list", "lobby", "--gateway", "127.0.0.1:30000")]
    [InlineData("--gateway is 'silo:1'", "list", "lobby", "--orleans", "--gateway", "silo:1")]
    [InlineData("--count is 'many'", "shoppers", "--count", "many")]
    [InlineData("--count is '0'", "shoppers", "--count", "0")]
    [InlineData("--ramp is 'fast'", "shoppers", "--count", "1", "--ramp", "fast")]
    [InlineData("--meta is no JSON", "track", "lobby", "ann", "--meta", "{")]
    [InlineData("--meta must be a JSON object", "track", "lobby", "ann", "--meta", "[]")]
    [InlineData("a password is missing", "list", "lobby", "--password", "")]
    public async Task What_is_wrong_is_named_and_ends_with_status_2(string says, params string[] args)
    {
        var (status, output, error) = await Run.ToEndAsync(args);
        Assert.Equal(2, status);
        Assert.Empty(output);
        Assert.StartsWith("error: " + says, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_is_no_error()
    {
        var (status, output, error) = await Run.ToEndAsync("--help");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("shoppers --count N", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:4000", "http://127.0.0.1:4000/")]
    [InlineData("ws://127.0.0.1:4000/socket", "http://127.0.0.1:4000/")]
    [InlineData("wss://shop.example/app/socket/websocket", "https://shop.example/app/")]
    [InlineData("https://shop.example/app/admin_socket", "https://shop.example/app/")]
    public void An_address_of_a_socket_names_its_member(string given, string member)
    {
        var arguments = ClientArguments.Parse(["cluster", "--url", given]);
        Assert.Equal(member, Assert.Single(arguments.Members).GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped));
    }

    [Fact]
    public void A_key_may_begin_with_dashes()
    {
        var arguments = ClientArguments.Parse(["get", "--", "lobby", "--ann"]);
        Assert.Equal(("lobby", "--ann"), (arguments.Topic, arguments.Key));
    }

    [Theory]
    [InlineData("200/s", 200)]
    [InlineData("0.5", 0.5)]
    public void A_pace_is_a_number_per_second(string given, double pace) =>
        Assert.Equal(pace, ClientArguments.Parse(["shoppers", "--ramp", given]).PerSecond("ramp", 1));
}
