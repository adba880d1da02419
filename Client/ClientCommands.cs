using System.CommandLine;
using Presence.CommandLine.Commands;
using Presence.CommandLine.Connections;

namespace Presence.CommandLine;

/// <summary>The verbs of the command line.</summary>
internal sealed class ClientCommands
{
    private readonly ClientConsole _console;
    private readonly NodeOptions _node = new();
    private readonly TopicOptions _topic = new();

    public ClientCommands(ClientConsole console)
    {
        _console = console;
        Root = new RootCommand("""
            Shows and tracks presences on the nodes of a cluster.
            Results are written to the standard output, everything else to the error output.
            Exit status: 0 done, 1 failed, 2 wrong usage.
            """)
        {
            Topic("watch", "Show the presences, then each change, until Ctrl-C", TopicCommands.WatchAsync),
            Topic("list", "Show the presences", TopicCommands.ListAsync),
            Get(),
            Track(),
            Cluster(),
            ShoppersCommand.Create(_node, _console),
        };
        var help = new Command("help", "Show help") { Hidden = true };
        help.SetAction((_, stop) => Root.Parse("--help").InvokeAsync(new() { Output = console.Out }, stop));
        Root.Add(help);
    }

    public RootCommand Root { get; }

    private Command Get()
    {
        var key = new Argument<string>("key");
        return Topic(
            "get",
            "Show the presences under one key; exit status 1 if there are none",
            (topic, output, parsed, stop) => TopicCommands.GetAsync(topic, parsed.GetRequiredValue(key), output, stop),
            key);
    }

    private Command Track()
    {
        var key = new Argument<string>("key");
        var meta = ClientOptions.Create(
            "--meta", "JSON", "Metadata, an object", ClientOptions.ToMeta, () => ClientOptions.ToMeta("{}"));
        var seconds = ClientOptions.Create("--seconds", "S", "How long; for ever if 0", ClientOptions.ToSeconds);
        return Topic(
            "track",
            "Track a presence until Ctrl-C",
            (topic, output, parsed, stop) => TopicCommands.TrackAsync(
                topic, parsed.GetRequiredValue(key), parsed.GetValue(meta), parsed.GetValue(seconds), output, stop),
            key,
            meta,
            seconds);
    }

    private Command Cluster()
    {
        var command = new Command("cluster", "Show the nodes and their views of each other");
        _node.AddTo(command);
        command.SetAction((parsed, stop) =>
            ClusterCommand.RunAsync(_node.Access(parsed), _node.IsJson(parsed), _console, stop));
        return command;
    }

    private Command Topic(
        string name, string description, Func<ITopicClient, TopicOutput, CancellationToken, Task<int>> run) =>
        Topic(name, description, (topic, output, _, stop) => run(topic, output, stop));

    private Command Topic(
        string name,
        string description,
        Func<ITopicClient, TopicOutput, ParseResult, CancellationToken, Task<int>> run,
        params Symbol[] symbols)
    {
        var topic = new Argument<string>("topic");
        var command = new Command(name, description) { topic };
        foreach (var symbol in symbols)
        {
            if (symbol is Option option)
            {
                command.Add(option);
            }
            else
            {
                command.Add((Argument)symbol);
            }
        }

        _node.AddTo(command);
        _topic.AddTo(command);
        command.SetAction(async (parsed, stop) =>
        {
            var name = parsed.GetRequiredValue(topic);
            await using var client = _topic.Cluster(parsed) is { } cluster
                ? await GrainTopic.OpenAsync(cluster, name, stop)
                : await SocketTopic.OpenAsync(_node.Access(parsed), name, stop) as ITopicClient;
            return await run(client, new TopicOutput(_console, name, _node.IsJson(parsed)), parsed, stop);
        });
        return command;
    }
}
