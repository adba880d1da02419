using Presence.Architecture.Tests.ProjectReferences;

namespace Presence.Architecture.Tests.Sources;

public sealed partial class FileNameTests
{
    private const int MaxLines = 450;

    public static TheoryData<string> Libraries => [.. Layering.Libraries];

    [Fact]
    public void Files_have_at_most_450_lines()
    {
        var tooLong = Repository.CSharpFiles
            .Select(file => (File: file, Lines: Repository.Lines(file).Length))
            .Where(f => f.Lines > MaxLines)
            .Select(f => $"{f.File} has {f.Lines} lines");
        Findings.MustBeNone(
            tooLong, $"A file of more than {MaxLines} lines has several responsibilities: split it.");
    }

    [Fact]
    public void Files_and_folders_have_specific_names()
    {
        Findings.MustBeNone(
            Repository.CSharpFiles.Where(file => IsVagueName().IsMatch(file)),
            "Name a file after its content.");
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Types_have_specific_names_other_than_the_namespace(string project)
    {
        var types = Layering.Load(project).GetTypes()
            .Where(type => type.Namespace?.StartsWith("Presence", StringComparison.Ordinal) is true);
        Assert.All(types, type =>
        {
            Assert.NotEqual("Presence", type.Name);
            Assert.False(IsVagueName().IsMatch(WithoutArity(type)), $"{type.FullName}: use a specific name.");
        });
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Public_classes_are_sealed_abstract_or_static(string project)
    {
        var open = Layering.Load(project).GetExportedTypes()
            .Where(type => type is { IsClass: true, IsSealed: false, IsAbstract: false })
            .Where(type => type.Namespace?.StartsWith("Presence", StringComparison.Ordinal) is true)
            .Where(type => !IsMeantToBeInherited(type))
            .Select(type => type.FullName!);
        Findings.MustBeNone(open, "Seal a public class unless it is designed for inheritance.");
    }

    [Fact]
    public void Namespaces_are_file_scoped()
    {
        Findings.MustBeNone(
            Repository.CSharpFiles.Where(file => Repository.Lines(file).Any(line => BlockNamespace().IsMatch(line))),
            "Use a file-scoped namespace.");
    }

    [Theory]
    [MemberData(nameof(Libraries))]
    public void Internal_types_are_in_the_namespace_of_their_folder_and_public_ones_in_the_root(string project)
    {
        var isOfGrains = project.StartsWith("Grains", StringComparison.Ordinal);
        var (folder, root) = isOfGrains ? ($"{project}/", "Presence.Grains") : ($"src/{project}/", project);
        var files = Repository.CSharpFiles.Where(file => file.StartsWith(folder, StringComparison.Ordinal))
            .Select(file => (Name: file, Code: string.Join('\n', Repository.Lines(file))))
            .Select(file => (
                file.Name,
                Namespace: Namespace().Match(file.Code).Groups["name"].Value,
                Folder: Path.GetDirectoryName(file.Name[folder.Length..])!.Replace('/', '.'),
                IsPublic: PublicType().IsMatch(file.Code),
                Types: AnyType().Matches(file.Code).Select(type => type.Groups["name"].Value).ToList()))
            .Where(file => file.Namespace.StartsWith("Presence", StringComparison.Ordinal))
            .ToList();

        // All parts of a type are in one namespace: the root, if one of them is public or the folders differ.
        var ofRoot = files.SelectMany(file => file.Types.Select(type => (Type: type, file.Folder, file.IsPublic)))
            .GroupBy(part => part.Type)
            .Where(parts => parts.Any(part => part.IsPublic) || parts.DistinctBy(part => part.Folder).Count() > 1)
            .Select(parts => parts.Key)
            .ToHashSet();
        Findings.MustBeNone(
            from file in files
            let isOfRoot = file.Folder.Length == 0 || file.IsPublic || file.Types.Exists(ofRoot.Contains)
            let expected = isOfRoot ? root : $"{root}.{file.Folder}"
            where file.Namespace != expected
            select $"{file.Name}: {file.Namespace} instead of {expected}",
            "Move the file, or change its namespace.");
    }

    private static string WithoutArity(Type type) => type.Name.Split('`')[0];

    private static bool IsMeantToBeInherited(Type type) => type.IsSubclassOf(typeof(Exception)) || type
        .GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
        .Any(method => method is { IsVirtual: true, IsFinal: false } && method.GetBaseDefinition() == method);

    [GeneratedRegex(@"(Helper|Common|Util|Utility|Utilitie|Manager)s?($|[/.])")]
    private static partial Regex IsVagueName();

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex(@"^public (?:\w+ )*(?:class|struct|interface|enum|record|delegate)\b", RegexOptions.Multiline)]
    private static partial Regex PublicType();

    [GeneratedRegex(
        @"^(?:\w+ )*(?:class|interface|enum|record struct|struct|record class|record) (?<name>\w+)",
        RegexOptions.Multiline)]
    private static partial Regex AnyType();

    [GeneratedRegex(@"^namespace [\w.]+\s*\{?\s*$")]
    private static partial Regex BlockNamespace();
}
