using Presence.Architecture.Tests.Rooms;

namespace Presence.Architecture.Tests.Sources;

public sealed partial class Files_and_names
{
    private const int MaxLines = 450;

    public static TheoryData<string> Libraries => [.. House.Libraries];

    [Fact]
    public void No_file_is_longer_than_450_lines()
    {
        var tooLong = Repository.CSharpFiles
            .Select(file => (File: file, Lines: Repository.Lines(file).Length))
            .Where(f => f.Lines > MaxLines)
            .Select(f => $"{f.File} has {f.Lines} lines");
        Findings.MustBeNone(tooLong, $"A file of more than {MaxLines} lines has several responsibilities: cut it along them.");
    }

    [Fact]
    public void No_file_or_folder_is_named_after_nothing()
    {
        Findings.MustBeNone(
            Repository.CSharpFiles.Where(file => SaysNothing().IsMatch(file)),
            "Name a file after what it holds.");
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void No_type_is_named_after_nothing_or_like_the_namespace(string room)
    {
        var types = House.Load(room).GetTypes()
            .Where(type => type.Namespace?.StartsWith("Presence", StringComparison.Ordinal) is true);
        Assert.All(types, type =>
        {
            Assert.NotEqual("Presence", type.Name);
            Assert.False(SaysNothing().IsMatch(WithoutArity(type)), $"{type.FullName}: name it after what it is.");
        });
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void A_public_class_is_sealed_abstract_or_static(string room)
    {
        var open = House.Load(room).GetExportedTypes()
            .Where(type => type is { IsClass: true, IsSealed: false, IsAbstract: false })
            .Where(type => type.Namespace?.StartsWith("Presence", StringComparison.Ordinal) is true)
            .Where(type => !IsMeantToBeInherited(type))
            .Select(type => type.FullName!);
        Findings.MustBeNone(open, "A public class is sealed unless it is made to be inherited.");
    }

    [Fact]
    public void Namespaces_stand_at_the_head_of_the_file()
    {
        Findings.MustBeNone(
            Repository.CSharpFiles.Where(file => Repository.Lines(file).Any(line => BlockNamespace().IsMatch(line))),
            "A namespace is declared for the whole file.");
    }

    private static string WithoutArity(Type type) => type.Name.Split('`')[0];

    private static bool IsMeantToBeInherited(Type type) => type.IsSubclassOf(typeof(Exception)) || type
        .GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        .Any(method => method is { IsVirtual: true, IsFinal: false } && method.GetBaseDefinition() == method);

    [GeneratedRegex(@"(Helper|Common|Util|Utility|Utilitie|Manager)s?($|[/.])")]
    private static partial Regex SaysNothing();

    [GeneratedRegex(@"^namespace [\w.]+\s*\{?\s*$")]
    private static partial Regex BlockNamespace();
}
