using System.Reflection;
using System.Runtime.CompilerServices;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>Writes one member as C# would declare it; null for what nobody outside the assembly can reach.</summary>
internal static class ApiMembers
{
    private static readonly NullabilityInfoContext Nullability = new();

    public static string? Of(MemberInfo member) => member switch
    {
        FieldInfo field => Field(field),
        ConstructorInfo constructor => Constructor(constructor),
        PropertyInfo property => Property(property),
        EventInfo @event => Event(@event),
        MethodInfo method => Method(method),
        _ => null,
    };

    /// <summary>Return type, name, parameters and constraints of a method.</summary>
    public static string Signature(MethodInfo method, string name)
    {
        var generic = method.GetGenericArguments();
        var parameters = Parameters(method.GetParameters(), method.IsDefined(typeof(ExtensionAttribute), false));
        var names = generic.Length > 0 ? $"<{string.Join(", ", generic.Select(t => t.Name))}>" : "";
        return $"{Type(method.ReturnParameter)} {name}{names}({parameters}){Constraints(generic)}";
    }

    public static string Constraints(Type[] parameters)
    {
        var text = "";
        foreach (var parameter in parameters.Where(p => p.IsGenericParameter))
        {
            var attributes = parameter.GenericParameterAttributes;
            var isStruct = attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
            List<string> all = [];
            if (attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
            {
                all.Add("class");
            }

            if (isStruct)
            {
                all.Add("struct");
            }

            all.AddRange(parameter.GetGenericParameterConstraints()
                .Where(type => type != typeof(ValueType))
                .Select(ApiNames.Of)
                .Order(StringComparer.Ordinal));
            if (attributes.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint) && !isStruct)
            {
                all.Add("new()");
            }

            text += all.Count > 0 ? $" where {parameter.Name} : {string.Join(", ", all)}" : "";
        }

        return text;
    }

    private static string? Field(FieldInfo field)
    {
        if (!(field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly) || field.IsSpecialName)
        {
            return null;
        }

        var access = field.IsPublic ? "public" : "protected";
        var type = ApiNames.Of(Nullability.Create(field));
        return field.IsLiteral
            ? $"{access} const {type} {field.Name} = {ApiNames.Value(field.GetRawConstantValue(), field.FieldType)};"
            : $"{access} {Word("static", field.IsStatic)}{Word("readonly", field.IsInitOnly)}{type} {field.Name};";
    }

    private static string? Constructor(ConstructorInfo constructor) =>
        Access(constructor) is { } access && !constructor.IsStatic
            ? $"{access} {TypeName(constructor)}({Parameters(constructor.GetParameters(), false)});"
            : null;

    private static string TypeName(ConstructorInfo constructor) => constructor.DeclaringType!.Name.Split('`')[0];

    private static string? Property(PropertyInfo property)
    {
        var get = property.GetMethod is { } getter ? Access(getter) : null;
        var set = property.SetMethod is { } setter ? Access(setter) : null;
        if (get is null && set is null)
        {
            return null;
        }

        var access = get == "public" || set == "public" ? "public" : "protected";
        var indexed = property.GetIndexParameters();
        var name = indexed.Length > 0 ? $"this[{Parameters(indexed, false)}]" : property.Name;
        var required = Word("required", property.IsDefined(typeof(RequiredMemberAttribute)));
        var modifiers = Modifiers((property.GetMethod ?? property.SetMethod)!);
        var type = ApiNames.Of(Nullability.Create(property));
        var isInit = property.SetMethod?.ReturnParameter.GetRequiredCustomModifiers()
            .Contains(typeof(IsExternalInit)) is true;
        return $"{access} {modifiers}{required}{type} {name} {{ " +
            Accessor(get, access, "get") + Accessor(set, access, isInit ? "init" : "set") + "}";
    }

    private static string Accessor(string? own, string access, string word) =>
        own is null ? "" : own == access ? $"{word}; " : $"{own} {word}; ";

    private static string? Event(EventInfo @event) => Access(@event.AddMethod!) is { } access
        ? $"{access} {Modifiers(@event.AddMethod!)}event {ApiNames.Of(Nullability.Create(@event))} {@event.Name};"
        : null;

    private static string? Method(MethodInfo method)
    {
        var isOperator = method.Name.StartsWith("op_", StringComparison.Ordinal);
        var name = isOperator ? $"operator {method.Name[3..]}" : method.Name;
        return Access(method) is { } access && (!method.IsSpecialName || isOperator)
            ? $"{access} {Modifiers(method)}{Signature(method, name)};"
            : null;
    }

    private static string? Access(MethodBase method) => method switch
    {
        { IsPublic: true } => "public",
        { IsFamily: true } or { IsFamilyOrAssembly: true } => "protected",
        _ => null,
    };

    private static string Modifiers(MethodInfo method)
    {
        if (method.IsStatic)
        {
            return method.IsAbstract ? "static abstract " : "static ";
        }

        if (method.DeclaringType!.IsInterface)
        {
            return method.IsAbstract ? "" : "virtual ";
        }

        if (!method.IsVirtual || method.IsFinal && method.GetBaseDefinition() == method)
        {
            return "";
        }

        var isOverride = method.GetBaseDefinition() != method;
        return method.IsAbstract ? "abstract "
            : isOverride ? method.IsFinal ? "sealed override " : "override "
            : "virtual ";
    }

    private static string Parameters(ParameterInfo[] parameters, bool isExtension) =>
        string.Join(", ", parameters.Select((parameter, index) => Parameter(parameter, isExtension && index == 0)));

    private static string Parameter(ParameterInfo parameter, bool isThis)
    {
        var isParams = parameter.IsDefined(typeof(ParamArrayAttribute)) ||
            parameter.IsDefined(typeof(ParamCollectionAttribute));
        var prefix = isThis ? "this "
            : isParams ? "params "
            : parameter.IsOut ? "out "
            : parameter.ParameterType.IsByRef ? parameter.IsIn ? "in " : "ref "
            : "";
        var value = parameter.HasDefaultValue
            ? $" = {ApiNames.Value(parameter.DefaultValue, parameter.ParameterType)}"
            : "";
        return $"{prefix}{Type(parameter)} {parameter.Name}{value}";
    }

    private static string Word(string word, bool holds) => holds ? word + " " : "";

    private static string Type(ParameterInfo parameter) => ApiNames.Of(Nullability.Create(parameter));
}
