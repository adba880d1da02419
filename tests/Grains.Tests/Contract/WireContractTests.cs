using System.Reflection;
using System.Runtime.CompilerServices;
using Orleans.Serialization;

namespace Presence.Grains.Tests.Contract;

/// <summary>
/// The wire contract between versions: aliases, ids, argument order and the bytes of every record. Approve a deliberate
/// change with PRESENCE_APPROVE=1. Never change or reuse released ids and aliases.
/// </summary>
public class WireContractTests
{
    [Fact]
    public void Aliases_ids_and_arguments_match_the_approved_contract() => Approve("contract.txt", Describe());

    [Fact]
    public void Every_record_serializes_to_the_approved_bytes_and_back()
    {
        using var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
        var serializer = services.GetRequiredService<Serializer>();
        var text = new StringBuilder();
        foreach (var (name, value) in Samples())
        {
            var bytes = serializer.SerializeToArray<object>(value);
            text.Append(name).Append(' ').Append(Convert.ToHexStringLower(bytes)).Append('\n');

            // Entries share the owner of the previous entry, and with it a string that the bytes refer to; this resets
            // it.
            _ = new PresenceEntry(new ReplicaId("another", 1), 1, 1, 0, 1, "lobby", "ann", meta: default);
            var back = serializer.SerializeToArray(serializer.Deserialize<object>(bytes));
            Assert.Equal(bytes, back);
        }

        Approve("golden-bytes.txt", text.ToString());
    }

    [Fact]
    public void Every_serialized_type_has_an_alias_and_every_member_an_id()
    {
        foreach (var type in SerializedTypes())
        {
            Assert.True(type.GetCustomAttribute<AliasAttribute>() is not null, $"{type.Name} has no alias.");
            foreach (var method in type.IsInterface ? type.GetMethods() : [])
            {
                Assert.True(
                    method.GetCustomAttribute<AliasAttribute>() is not null,
                    $"{type.Name}.{method.Name} has no alias.");
            }
        }
    }

    private static IEnumerable<Type> SerializedTypes() =>
        new[] { typeof(ITopicPresenceGrain), typeof(IPinnedSiloGrain) }
        .SelectMany(t => t.Assembly.GetTypes())
        .Where(t => t.Namespace?.StartsWith("Presence.", StringComparison.Ordinal) == true)
        .Where(t => (t.IsInterface && typeof(IAddressable).IsAssignableFrom(t)) || t.IsDefined(
            typeof(GenerateSerializerAttribute)))
        .OrderBy(t => t.Name, StringComparer.Ordinal);

    private static string Describe()
    {
        var text = new StringBuilder();
        foreach (var type in SerializedTypes())
        {
            text.Append(type.IsInterface ? "interface " : "record ").Append(type.Name)
                .Append(" = ").Append(type.GetCustomAttribute<AliasAttribute>()?.Alias).Append('\n');
            foreach (var method in type.GetMethods().Where(_ => type.IsInterface).OrderBy(
                m => m.Name, StringComparer.Ordinal))
            {
                var arguments = string.Join(
                    ", ", method.GetParameters().Select(p => $"{Name(p.ParameterType)} {p.Name}"));
                text.Append("  ").Append(method.GetCustomAttribute<AliasAttribute>()?.Alias)
                    .Append('(').Append(arguments).Append(") -> ").Append(Name(method.ReturnType)).Append('\n');
            }

            foreach (var (id, member) in type.IsInterface ? [] : Members(type))
            {
                text.Append("  ").Append(id).Append(' ').Append(member).Append('\n');
            }
        }

        return text.ToString();
    }

    private static IEnumerable<(uint Id, string Member)> Members(Type type) => type
        .GetProperties(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance)
        .Where(p => p.IsDefined(typeof(IdAttribute)))
        .Select(p => (p.GetCustomAttribute<IdAttribute>()!.Id, $"{p.Name}: {Name(p.PropertyType)}"))
        .OrderBy(p => p.Id);

    private static string Name(Type type) => type.IsGenericType
        ? type.Name[..type.Name.IndexOf('`', StringComparison.Ordinal)]
            + $"<{string.Join(", ", type.GetGenericArguments().Select(Name))}>"
        : type.Name;

    private static IEnumerable<(string Name, object Value)> Samples()
    {
        var meta = PresenceMeta.Parse("""{"mood":"😀"}""");
        var first = new PresenceEntry(new ReplicaId("silo-1", 0x2A0000), 1, 1, 0, 3, "lobby", "ann", meta);
        var second = new PresenceEntry(first.Owner, 2, 1, 1, 3, "lobby", "ann", PresenceMeta.Empty);
        var change = new PresenceChange(PresenceChangeKind.Updated, second, first, default);
        var left = new PresenceChange(PresenceChangeKind.Left, second, second, LeaveReason.NodeStopped);
        var known = new KnownReplica("silo-1", 0x2A0000, 7);
        var list = new TopicList("lobby", "silo-1", new[] { second }, "ann", new[] { known });
        var frame = new ClusterFrame("presence", 3, new byte[] { 1, 2, 3 });
        yield return ("presence.entry", first);
        yield return ("presence.change", change);
        yield return ("presence.topic-list", list);
        yield return ("presence.known-replica", known);
        yield return (
            "presence.handle",
            new PresenceHandle("127.0.0.1:11111@42", "lease", TimeSpan.FromSeconds(30), "lobby", "ann", first.Ref));
        yield return (
            "presence.handle with a token",
            new PresenceHandle("127.0.0.1:11111@42", "lease", TimeSpan.FromSeconds(30), "lobby", "ann", "ref", [1]));
        yield return (
            "presence.subscription",
            new PresenceSubscription("127.0.0.1:11111@42", "1", TimeSpan.FromSeconds(30), list));
        yield return ("presence.topic-changes", new TopicChanges(
            "lobby", "silo-1", 9, false, new[] { change, left }, "127.0.0.1:11111@42", 1L << 20, new[] { known }));
        yield return ("presence.stream-position", new StreamPosition("127.0.0.1:11111@42", 1L << 20, 9));
        yield return ("presence.frame", frame);
        yield return ("presence.delta-batch", new DeltaBatch("silo-1", "127.0.0.1:11111@42", [frame]));
        yield return ("presence.meta", meta);
        yield return ("presence.unique-process", new UniqueProcessStatus(
            "job",
            UniqueProcessMode.Consistent,
            "silo-1",
            DateTimeOffset.UnixEpoch.AddSeconds(1),
            7,
            new[] { "silo-2" }));
        yield return ("presence.unique-seat", new UniqueSeat(
            "id", 3, "silo-1", "127.0.0.1:11111@42", UniqueProcessMode.Available, UniqueSeatState.Runs, true, 2,
            DateTimeOffset.UnixEpoch, 7, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(5)));
        yield return (
            "presence.unique-verdict",
            new UniqueVerdict(UniqueVerdictKind.Stop, 2, UniqueStopReason.NameConflict, [1, 2]));
        yield return (
            "presence.unique-lease",
            new LeaseResult(true, 7, "silo-1/aa", TimeSpan.FromSeconds(15), new byte[] { 1, 2 }));
        yield return ("presence.error already tracked", new AlreadyTrackedException("lobby", "ann"));
        yield return ("presence.error not tracked", new NotTrackedException("lobby", "ann"));
        yield return ("presence.error limit", new PresenceLimitException("key", 300, 255));
        yield return ("presence.error overload", new PresenceOverloadException("full"));
        yield return ("presence.error view", new PresenceViewException("no view"));
        yield return ("presence.view", new PresenceView
        {
            First = 50,
            Prefix = "an",
            Where = new Dictionary<string, string> { ["/status"] = "busy" },
        });
        yield return ("presence.view of all", new PresenceView());
        yield return ("presence.error counts only", new CountsOnlyTopicException("live:1"));
    }

    private static void Approve(string file, string now, [CallerFilePath] string here = "")
    {
        var path = Path.Combine(Path.GetDirectoryName(here)!, file);
        if (Environment.GetEnvironmentVariable("PRESENCE_APPROVE") == "1")
        {
            File.WriteAllText(path, now);
        }

        Assert.Equal(File.Exists(path) ? File.ReadAllText(path) : "", now);
    }
}
