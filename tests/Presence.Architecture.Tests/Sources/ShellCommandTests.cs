namespace Presence.Architecture.Tests.Sources;

/// <summary>
/// Every block of shell commands in the documents is run by a test, or there is a reason why it cannot be.
/// </summary>
public sealed partial class ShellCommandTests
{
    private const string NeedsEngine = "needs a container engine and registry; what it reads is validated";
    private const string NeedsCluster = "needs a Kubernetes cluster; the objects are validated";
    private const string InCi = "a clone is built and served by .ci/run";
    private const string Long = "takes long: run by hand";

    /// <summary>The first line of each block, and the test that runs it or its programs; else the reason.</summary>
    private static readonly (string Document, string FirstLine, string? Test, string? Reason)[] Blocks =
    [
        ("Client/README.md", "dotnet run -c Release --project Client -- watch tracked",
            "TopicCommandTests.Watch_writes_joins_updates_and_leaves_until_it_is_stopped", null),
        ("README.md", "git clone <this repository> presence && cd presence", null, InCi),
        ("deploy/README.md", "docker build -t", null, NeedsEngine),
        ("deploy/README.md", "cd deploy/compose",
            "DocumentedCommandTests.Secrets_for_compose_are_all_that_its_file_needs", null),
        ("deploy/README.md", "docker compose build", null, NeedsEngine),
        ("deploy/README.md", "kubectl create namespace presence", null, NeedsCluster),
        ("deploy/README.md", "helm upgrade --install",
            "DocumentedCommandTests.Chart_takes_the_values_of_the_command_that_installs_it", null),
        ("docs/benchmarks.md", "dotnet run -c Release --project tests/Presence.Benchmarks", null, Long),
        ("docs/guides/http.md", "curl 'http://127.0.0.1:5000/presence/room:1",
            "GuideTests.Reads_of_the_guide_return_what_it_says", null),
        ("docs/guides/http.md", "curl -X PUT",
            "GuideTests.Worker_of_the_guide_is_present_until_it_says_that_it_ends", null),
        ("docs/internals.md", "PRESENCE_SEED=17 dotnet test", null, Long),
        ("docs/internals/shard-protocol.md", "PRESENCE_SEEDS=20000 dotnet test", null, Long),
        ("docs/operations/deployment.md", "./run --create-schema",
            "DatabaseRoleTests.Nodes_can_work_with_the_tables_of_the_owner_and_change_nothing_else", null),
        ("docs/operations/deployment.md", "docker build -t", null, NeedsEngine),
        ("docs/operations/security.md", "export Presence__Orleans__ClusterKey=",
            "ClusterKeyHostTests.Web_servers_beside_silos_with_a_key_serve_all_presences_of_the_cluster", null),
        ("docs/reference/command-line.md", "PRESENCE_ADMIN_PASSWORD=... dotnet run",
            "FiveThousandShopperTests.Three_hundred_shoppers_are_counted_exactly_and_shown_in_time", null),
        ("docs/reference/http.md", "curl -u admin:PASSWORD",
            "DocumentedCommandTests.Presences_are_read_with_curl", null),
        ("samples/AppHost/README.md", "dotnet run --project samples/AppHost", null, NeedsEngine),
        ("samples/AppHost/README.md", "ConnectionStrings__Presence=",
            "AppHostTests.AppHost_starts_three_silos_of_one_cluster", null),
        ("samples/Chat/README.md", "dotnet run --project samples/Chat",
            "SampleProgramTests.Chat_delivers_messages_and_typing_in_a_room_and_rejects_long_texts", null),
        ("samples/HelloPresence/README.md", "dotnet run --project samples/HelloPresence",
            "SampleProgramTests.HelloPresence_shows_who_joins_and_leaves_to_clients_and_on_the_console", null),
        ("samples/Playground/README.md", "ASPNETCORE_ENVIRONMENT=Development dotnet run --project samples/Playground",
            "SampleProgramTests.Playground_shows_signed_in_users_to_each_other", null),
        ("samples/Shop/README.md", "ASPNETCORE_ENVIRONMENT=Development dotnet run --project samples/Shop",
            "SampleProgramTests.Shop_keeps_the_tabs_of_a_cart_in_step", null),
        ("samples/Shop/README.md", "dotnet run --project Client -- shoppers",
            "FiveThousandShopperTests.Three_hundred_shoppers_are_counted_exactly_and_shown_in_time", null),
        ("samples/UniqueWorker/README.md", "dotnet run --project samples/UniqueWorker",
            "SampleProgramTests.UniqueWorker_runs_once_and_continues_its_count_on_another_silo_after_a_stop", null),
        ("templates/README.md", "dotnet new install Presence.Templates",
            "TemplateTests.Silo_reports_the_grain_that_is_present", null),
        ("templates/content/presence-web/README.md", "curl http://localhost:5000/presence/lobby",
            "TemplateTests.Web_application_is_ready_lists_and_shows_its_page", null),
    ];

    [Fact]
    public void Every_block_of_commands_is_run_by_a_test_or_has_a_reason_why_not()
    {
        var documented = Documented().ToList();
        Findings.MustBeNone(
            from block in documented
            where Blocks.Count(entry => IsOf(entry.Document, entry.FirstLine, block)) != 1
            select $"{block.Document}: {block.Commands}",
            $"Run the commands in a test and name it in {nameof(ShellCommandTests)}.");
        Findings.MustBeNone(
            from entry in Blocks
            where !documented.Any(block => IsOf(entry.Document, entry.FirstLine, block))
            select $"{entry.Document}: {entry.FirstLine}",
            "No document has the block any more.");
    }

    [Fact]
    public void Tests_that_run_commands_exist()
    {
        Assert.All(Blocks, block => Assert.True(block.Test is null != block.Reason is null, block.FirstLine));
        Findings.MustBeNone(
            Blocks.Select(block => block.Test).OfType<string>().Where(test => !Exists(test.Split('.'))),
            "Name the test that runs the commands.");

        static bool Exists(string[] test) => Repository.TestFiles
            .Where(file => Path.GetFileNameWithoutExtension(file) == test[0])
            .Any(file => File.ReadAllText(Repository.PathOf(file)).Contains($" {test[1]}(", StringComparison.Ordinal));
    }

    [Fact]
    public void Projects_and_scripts_of_commands_exist() => Findings.MustBeNone(
        from block in Documented()
        where !block.Document.StartsWith("templates/", StringComparison.Ordinal)
        from path in ProjectOrScript().Matches(block.Commands).Select(match => match.Groups["path"].Value)
        where !Path.Exists(Repository.PathOf(path))
        select $"{block.Document}: {path}",
        "Correct the path.");

    private static bool IsOf(string document, string firstLine, (string Document, string Commands) block) =>
        document == block.Document && block.Commands.StartsWith(firstLine, StringComparison.Ordinal);

    private static IEnumerable<(string Document, string Commands)> Documented() =>
        from file in Repository.MarkdownFiles
        where !file.StartsWith("tests/", StringComparison.Ordinal)
        from block in File.ReadAllText(Repository.PathOf(file)).ReplaceLineEndings("\n").Split("\n```bash\n").Skip(1)
        select (file, block.Split("\n```")[0]);

    [GeneratedRegex(@"(--project |dotnet test |^\./)(?<path>[\w./-]+)", RegexOptions.Multiline)]
    private static partial Regex ProjectOrScript();
}
