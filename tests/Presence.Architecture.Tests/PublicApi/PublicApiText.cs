using System.Reflection;
using System.Text;
using PublicApiGenerator;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>Writes the public API of an assembly, with two facts that the generator does not show.</summary>
internal static class PublicApiText
{
    private static readonly ApiGeneratorOptions Options = new()
    {
        AllowNamespacePrefixes = ["Microsoft.", "Orleans."],
        DenyNamespacePrefixes = ["OrleansCodeGen"],
        IncludeAssemblyAttributes = false,
    };

    public static string Of(Assembly assembly)
    {
        var types = assembly.GetExportedTypes()
            .Where(type => type.Namespace?.StartsWith("OrleansCodeGen", StringComparison.Ordinal) is not true);
        return string.Concat(
            assembly.GeneratePublicApi(Options).ReplaceLineEndings("\n").Split('\n').Concat(Remarks(types))
                .Where(line => line.Length > 0)
                .Select(line => line + "\n"));
    }

    /// <summary>Lists records, and interface members that an implementation may leave out.</summary>
    public static IEnumerable<string> Remarks(IEnumerable<Type> types) => types
        .SelectMany(type => type.IsInterface
            ? type.GetMethods().Where(method => !method.IsAbstract).Select(m => $"// default: {type.FullName}.{m.Name}")
            : IsRecord(type) ? [$"// record: {type.FullName}"] : [])
        .Order(StringComparer.Ordinal);

    private static bool IsRecord(Type type) => type.GetMethod(
        "PrintMembers", BindingFlags.NonPublic | BindingFlags.Instance, [typeof(StringBuilder)]) is not null;
}
