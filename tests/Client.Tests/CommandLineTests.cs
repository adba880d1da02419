namespace Presence.CommandLine.Tests;

public sealed class CommandLineTests
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
    [InlineData("--url is '': it must name at least one node", "list", "lobby", "--url", "")]
    [InlineData("--url is ' , ': it must name at least one node", "shoppers", "--count", "1", "--url", " , ")]
    [InlineData("--gateway is ',': it must name at least one", "list", "lobby", "--orleans", "--gateway", ",")]
    [InlineData("--count is missing", "shoppers")]
    [InlineData("cluster uses the nodes' sockets", "cluster", "--orleans")]
    [InlineData("--colour is not an option of list", "list", "--colour", "lobby")]
    [InlineData("--colour is not an option of list", "list", "lobby", "--json", "--colour=red")]
    [InlineData("watch takes a topic; 2 given", "watch", "lobby", "hall")]
    [InlineData("--gateway goes with --orleans", "list", "lobby", "--gateway", "127.0.0.1:30000")]
    [InlineData("--gateway is 'silo:1'", "list", "lobby", "--orleans", "--gateway", "silo:1")]
    [InlineData("--count is missing", "shoppers", "--ramp", "1")]
    [InlineData("--seconds is 'long'", "track", "lobby", "ann", "--seconds", "long")]
    [InlineData("--count is 'many'", "shoppers", "--count", "many")]
    [InlineData("--count is '0'", "shoppers", "--count", "0")]
    [InlineData("--ramp is 'fast'", "shoppers", "--count", "1", "--ramp", "fast")]
    [InlineData("--meta is not valid JSON", "track", "lobby", "ann", "--meta", "{")]
    [InlineData("--meta must be a JSON object", "track", "lobby", "ann", "--meta", "[]")]
    [InlineData("a password is missing", "list", "lobby", "--password", "")]
    public async Task Usage_error_is_explained_and_ends_with_status_2(string expected, params string[] args)
    {
        var (status, output, error) = await Run.ToEndAsync(args);
        Assert.Equal(2, status);
        Assert.Empty(output);
        Assert.StartsWith("error: " + expected, error, StringComparison.Ordinal);
        Assert.EndsWith("Try --help.", error.TrimEnd(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("watch <topic>,list <topic>,get <topic> <key>,track <topic> <key>,cluster,shoppers", "--help")]
    [InlineData("Exit status: 0 done, 1 failed, 2 wrong usage", "--help")]
    [InlineData("watch <topic>,shoppers", "help")]
    [InlineData("--count <N> (REQUIRED),--ramp <R>,[default: 100],--seed <N>,--url <URL>", "shoppers", "-h")]
    [InlineData("<topic>,<key>,--meta <JSON>,--seconds <S>,--orleans,--gateway <LIST>", "track", "lobby", "--help")]
    public async Task Help_succeeds_and_lists_verbs_and_options(string expected, params string[] args)
    {
        var (status, output, error) = await Run.ToEndAsync(args);
        Assert.Equal((0, ""), (status, error));
        Assert.All(expected.Split(','), text => Assert.Contains(text.Trim(), output, StringComparison.Ordinal));
        Assert.All(output.Split('\n'), line => Assert.True(line.Length < 200));
    }

    [Theory]
    [InlineData("watch", "[suggest:2]", "wa")]
    [InlineData("cluster,get,list,shoppers,track,watch", "[suggest:0]", "")]
    [InlineData("--count", "[suggest:12]", "shoppers --co")]
    [InlineData("--meta", "[suggest:14]", "track a b --me")]
    [InlineData("--gateway", "[suggest:15]", "list lobby --ga")]
    public async Task Completions_match_the_position(string expected, params string[] args)
    {
        var (status, output, error) = await Run.ToEndAsync(args);
        Assert.Equal((0, ""), (status, error));
        Assert.Superset(expected.Split(',').ToHashSet(), output.ReplaceLineEndings("\n").Split('\n').ToHashSet());
    }

    [Fact]
    public async Task Completions_of_a_verb_exclude_options_of_others()
    {
        var (_, output, _) = await Run.ToEndAsync("[suggest:10]", "cluster --");
        Assert.Contains("--url", output, StringComparison.Ordinal);
        Assert.DoesNotContain("--meta", output, StringComparison.Ordinal);
        Assert.DoesNotContain("--orleans", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:4000", "http://127.0.0.1:4000/")]
    [InlineData("ws://127.0.0.1:4000/socket", "http://127.0.0.1:4000/")]
    [InlineData("wss://shop.example/app/socket/websocket", "https://shop.example/app/")]
    [InlineData("https://shop.example/app/admin_socket", "https://shop.example/app/")]
    public void Address_of_a_socket_is_accepted_for_its_node(string given, string node) =>
        Assert.Equal(node, Assert.Single(ClientOptions.ToNodes(given)).AbsoluteUri);

    [Fact]
    public void A_key_may_begin_with_dashes_or_an_at_sign()
    {
        Assert.Equal(("lobby", "--ann"), Read("get", "--", "lobby", "--ann"));
        Assert.Equal(("lobby", "@ann"), Read("get", "lobby", "@ann"));
        Assert.Equal(("lobby", "true"), Read("get", "lobby", "--json", "true"));
    }

    private static (string?, string?) Read(params string[] args)
    {
        var parsed = ClientProgram.Parse(args, new ClientConsole(TextWriter.Null, TextWriter.Null));
        Assert.Empty(parsed.Errors);
        return (parsed.GetValue<string>("topic"), parsed.GetValue<string>("key"));
    }

    [Theory]
    [InlineData("200/s", 200)]
    [InlineData("0.5", 0.5)]
    public void Rate_is_a_number_per_second(string given, double pace) =>
        Assert.Equal(pace, ClientOptions.ToRate(given));
}
