using System.CodeDom.Compiler;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>Writes what an assembly offers to others as C#-like text, ordered by names alone.</summary>
internal static class ApiText
{
    private const BindingFlags Own =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static |
        BindingFlags.DeclaredOnly;

    public static string Of(Assembly assembly)
    {
        var text = new StringBuilder();
        var namespaces = assembly.GetExportedTypes()
            .Where(type => !type.IsNested && !IsGenerated(type))
            .GroupBy(type => type.Namespace ?? "", StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal);
        foreach (var group in namespaces)
        {
            text.Append(text.Length == 0 ? "" : "\n").Append("namespace ").Append(group.Key).Append('\n');
            foreach (var type in group.OrderBy(type => type.FullName, StringComparer.Ordinal))
            {
                Write(text.Append('\n'), type, "");
            }
        }

        return text.ToString();
    }

    private static void Write(StringBuilder text, Type type, string indent)
    {
        if (type.IsSubclassOf(typeof(Delegate)))
        {
            var signature = ApiMembers.Signature(type.GetMethod("Invoke")!, ApiNames.Of(type));
            text.Append(indent).Append("public delegate ").Append(signature).Append(";\n");
            return;
        }

        text.Append(indent).Append(Head(type)).Append('\n').Append(indent).Append("{\n");
        var inner = indent + "    ";
        foreach (var line in type.IsEnum ? EnumMembers(type) : Members(type))
        {
            text.Append(inner).Append(line).Append('\n');
        }

        foreach (var nested in type.GetNestedTypes(Own)
            .Where(nested => IsVisible(nested) && !IsGenerated(nested))
            .OrderBy(nested => nested.Name, StringComparer.Ordinal))
        {
            Write(text, nested, inner);
        }

        text.Append(indent).Append("}\n");
    }

    private static IEnumerable<string> EnumMembers(Type type) =>
        from name in Enum.GetNames(type)
        let value = Convert.ToInt64(Enum.Parse(type, name), System.Globalization.CultureInfo.InvariantCulture)
        orderby value
        select $"{name} = {value},";

    private static IEnumerable<string> Members(Type type) => type.GetMembers(Own)
        .Where(member => !IsGenerated(member))
        .Select(member => (Kind: KindOrder(member), Text: ApiMembers.Of(member)))
        .Where(member => member.Text is not null)
        .OrderBy(member => member.Kind)
        .ThenBy(member => member.Text, StringComparer.Ordinal)
        .Select(member => member.Text!);

    private static int KindOrder(MemberInfo member) => member.MemberType switch
    {
        MemberTypes.Field => 0,
        MemberTypes.Constructor => 1,
        MemberTypes.Property => 2,
        MemberTypes.Event => 3,
        _ => 4,
    };

    private static string Head(Type type)
    {
        var access = type.IsNestedFamily || type.IsNestedFamORAssem ? "protected" : "public";
        var record = type.GetMethod("PrintMembers", Own, [typeof(StringBuilder)]) is not null ? "record " : "";
        var kind = type switch
        {
            { IsEnum: true } => "enum",
            { IsInterface: true } => "interface",
            { IsValueType: true } when type.IsDefined(typeof(IsReadOnlyAttribute)) => $"readonly {record}struct",
            { IsValueType: true } => $"{record}struct",
            _ => $"{ClassModifier(type)}{(record.Length > 0 ? "record" : "class")}",
        };
        var bases = string.Join(", ", Bases(type));
        var constraints = ApiMembers.Constraints(type.GetGenericArguments());
        return $"{access} {kind} {Name(type)}{(bases.Length > 0 ? " : " + bases : "")}{constraints}";
    }

    private static string Name(Type type)
    {
        var name = ApiNames.Of(type);
        return type.IsNested ? name[(name.LastIndexOf('.') + 1)..] : name;
    }

    private static string ClassModifier(Type type) => type switch
    {
        { IsAbstract: true, IsSealed: true } => "static ",
        { IsAbstract: true } => "abstract ",
        { IsSealed: true } => "sealed ",
        _ => "",
    };

    private static IEnumerable<string> Bases(Type type)
    {
        if (type.IsEnum)
        {
            return Enum.GetUnderlyingType(type) == typeof(int) ? [] : [ApiNames.Of(Enum.GetUnderlyingType(type))];
        }

        var inherited = type.BaseType?.GetInterfaces() ?? [];
        var own = type.GetInterfaces().Where(i => i.IsVisible).Except(inherited).ToList();
        var implied = own.SelectMany(i => i.GetInterfaces()).ToHashSet();
        var parent = type.BaseType is { } b && b != typeof(object) && b != typeof(ValueType)
            ? new[] { ApiNames.Of(b) }
            : [];
        return parent.Concat(own.Where(i => !implied.Contains(i)).Select(ApiNames.Of).Order(StringComparer.Ordinal));
    }

    private static bool IsVisible(Type nested) =>
        nested.IsNestedPublic || nested.IsNestedFamily || nested.IsNestedFamORAssem;

    private static bool IsGenerated(MemberInfo member) =>
        member.IsDefined(typeof(CompilerGeneratedAttribute), false) && !IsPositional(member) ||
        member.IsDefined(typeof(GeneratedCodeAttribute), false) ||
        member.Name.Contains('<', StringComparison.Ordinal) ||
        (member as Type)?.Namespace?.StartsWith("OrleansCodeGen", StringComparison.Ordinal) is true;

    /// <summary>What the compiler makes and is still part of what is offered: positional members of records.</summary>
    private static bool IsPositional(MemberInfo member) =>
        member is PropertyInfo { Name: not "EqualityContract" } or ConstructorInfo or EventInfo;
}
