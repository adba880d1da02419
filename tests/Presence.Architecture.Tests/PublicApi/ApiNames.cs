using System.Globalization;
using System.Reflection;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>Writes types and values as C# would, without namespaces where no doubt can arise.</summary>
internal static class ApiNames
{
    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(object)] = "object",
        [typeof(string)] = "string",
        [typeof(bool)] = "bool",
        [typeof(char)] = "char",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(decimal)] = "decimal",
    };

    /// <summary>A type as it is used in a signature, with its nullable annotations.</summary>
    public static string Of(NullabilityInfo info)
    {
        var type = info.Type.IsByRef ? info.Type.GetElementType()! : info.Type;
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return (info.GenericTypeArguments is [var inner] ? Of(inner) : Of(underlying)) + "?";
        }

        var mark = !type.IsValueType && info.ReadState == NullabilityState.Nullable ? "?" : "";
        if (type.IsArray)
        {
            return (info.ElementType is { } element ? Of(element) : Of(type.GetElementType()!)) + "[]" + mark;
        }

        var arguments = info.GenericTypeArguments;
        return arguments.Length == 0 || arguments.Length != type.GetGenericArguments().Length
            ? Of(type) + mark
            : Generic(type, [.. arguments.Select(Of)]) + mark;
    }

    /// <summary>A type without annotations.</summary>
    public static string Of(Type type)
    {
        if (Keywords.TryGetValue(type, out var keyword))
        {
            return keyword;
        }

        if (type.IsByRef || type.IsPointer)
        {
            return Of(type.GetElementType()!);
        }

        if (type.IsArray)
        {
            return Of(type.GetElementType()!) + "[]";
        }

        if (type.IsGenericParameter)
        {
            return type.Name;
        }

        return Nullable.GetUnderlyingType(type) is { } underlying
            ? Of(underlying) + "?"
            : Generic(type, [.. type.GetGenericArguments().Select(Of)]);
    }

    /// <summary>A constant or default value.</summary>
    public static string Value(object? value, Type type) => value switch
    {
        null => type.IsValueType && Nullable.GetUnderlyingType(type) is null ? "default" : "null",
        string text => Quoted(text),
        char letter => $"'{letter}'",
        bool truth => truth ? "true" : "false",
        Enum member => $"{Of(member.GetType())}.{member}",
        _ when type.IsEnum => $"{Of(type)}.{Enum.ToObject(type, value)}",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static string Quoted(string text) =>
        $"\"{text.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Generic(Type type, string[] arguments)
    {
        if (type is { Namespace: "System" } && type.Name.StartsWith("ValueTuple`", StringComparison.Ordinal) && arguments.Length > 1)
        {
            return $"({string.Join(", ", arguments)})";
        }

        // A nested type repeats the parameters of the types around it; each level takes its own.
        var levels = new Stack<Type>();
        for (var level = type; level is not null; level = level.DeclaringType)
        {
            levels.Push(level);
        }

        var used = 0;
        return string.Join('.', levels.Select(level =>
        {
            var parts = level.Name.Split('`');
            var own = level.GetGenericArguments().Length - used;
            if (own <= 0 || used + own > arguments.Length)
            {
                return parts[0];
            }

            var text = $"{parts[0]}<{string.Join(", ", arguments.Skip(used).Take(own))}>";
            used += own;
            return text;
        }));
    }
}
