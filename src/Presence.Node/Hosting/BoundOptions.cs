using System.Globalization;
using System.Net;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Presence.Node.Hosting;

internal sealed record BoundSection(string Path, Type Type)
{
    public bool IsAt(string path) => path.Equals(Path, StringComparison.OrdinalIgnoreCase);

    public IEnumerable<string> NamesIn(string path) => IsAt(path) ? BoundOptions.Properties(Type).Select(p => p.Name)
        : Path.StartsWith($"{path}:", StringComparison.OrdinalIgnoreCase) ? [Path[(path.Length + 1)..].Split(':')[0]]
        : [];
}

/// <summary>Binds options to the configuration strictly: unknown keys and unreadable values fail the start.</summary>
/// <remarks>
/// <c>BindConfiguration</c> with <c>ErrorOnUnknownConfiguration</c> does not fit: several libraries read
/// <c>Presence</c>, it reads a duration without a unit as days, and it appends a list to its default.
/// </remarks>
internal static class BoundOptions
{
    private static readonly (string Unit, double Milliseconds)[] Units =
        [("ms", 1), ("min", 60_000), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

    /// <summary>Binds <typeparamref name="T"/> once and validates it at start. Values set in code win.</summary>
    public static IServiceCollection AddBoundOptions<T>(
        this IServiceCollection services,
        string path,
        Action<T> validate,
        Action<T>? configure = null,
        string? name = null)
        where T : class
    {
        var options = services.AddOptions<T>(name);
        var section = new BoundSection(path, typeof(T));
        if (!services.Any(s => section.Equals(s.ImplementationInstance)))
        {
            AddSections(services, path, typeof(T));
            services.AddSingleton<IValidateOptions<T>>(new Validation<T>(options.Name, validate));
            options.Configure<IServiceProvider>((value, provider) => Bind(value, path, provider)).ValidateOnStart();
        }

        options.Configure(configure ?? (static _ => { }));
        return services;
    }

    private static void AddSections(IServiceCollection services, string path, Type type)
    {
        services.AddSingleton(new BoundSection(path, type));
        foreach (var property in Properties(type).Where(IsNested))
        {
            AddSections(services, $"{path}:{property.Name}", property.PropertyType);
        }
    }

    private static void Bind(object options, string path, IServiceProvider provider)
    {
        // A host may have no configuration.
        if (provider.GetService<IConfiguration>() is { } configuration)
        {
            Bind(options, configuration.GetSection(path), [.. provider.GetServices<BoundSection>()]);
        }
    }

    private static void Bind(object options, IConfigurationSection section, BoundSection[] sections)
    {
        // Only the first options type of a section rejects unknown keys, for all types bound to it.
        if (sections.First(s => s.Path == section.Path).Type == options.GetType())
        {
            RejectUnknownKeys(section, sections);
        }

        foreach (var property in Properties(options.GetType()))
        {
            var given = section.GetSection(property.Name);
            if (IsNested(property))
            {
                Bind(property.GetValue(options)!, given, sections);
            }
            else if (given.Exists())
            {
                property.SetValue(options, Read(given, property.PropertyType));
            }
        }
    }

    private static void RejectUnknownKeys(IConfigurationSection section, BoundSection[] sections)
    {
        var names = sections.SelectMany(s => s.NamesIn(section.Path));
        var known = new SortedSet<string>(names, StringComparer.OrdinalIgnoreCase);
        foreach (var child in section.GetChildren())
        {
            if (known.Count > 0 && !known.Contains(child.Key))
            {
                throw Rejected($"{section.Path}:{child.Key} is not an option: known are {string.Join(", ", known)}.");
            }

            if (!sections.Any(s => s.IsAt(child.Path)))
            {
                RejectUnknownKeys(child, sections);
            }
        }
    }

    private static object Read(IConfigurationSection given, Type type)
    {
        var text = given.Value;
        const StringSplitOptions Trimmed = StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries;
        var entries = text?.Split([',', ';'], Trimmed).ToList()
            ?? given.GetChildren().Select(child => child.Value ?? "").ToList();
        type = Nullable.GetUnderlyingType(type) ?? type;
        (object? Value, string Rule) read = type switch
        {
            _ when type == typeof(IList<string>) => (entries, ""),
            _ when type == typeof(IReadOnlyList<int>) => (
                entries.TrueForAll(entry => int.TryParse(entry, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                    ? entries.ConvertAll(entry => int.Parse(entry, CultureInfo.InvariantCulture))
                    : null,
                "must be whole numbers, such as 100,1000,10000"),
            _ when type == typeof(IReadOnlyList<IPNetwork>) => (
                entries.ConvertAll(Network) is var networks && !networks.Contains(null)
                    ? networks.ConvertAll(network => network!.Value)
                    : null,
                "must be addresses or networks such as 10.0.0.0/8"),
            _ when type == typeof(TimeSpan) =>
                (Duration(text ?? ""), "must be a duration such as 1500ms, 20s, 20min or 00:00:01.500"),
            _ when type == typeof(IPEndPoint) => (
                IPEndPoint.TryParse(text ?? "", out var point) && point.Port > 0 ? point : null,
                "must be an address and a silo port, such as 127.0.0.1:11111"),
            _ when type == typeof(IPAddress) =>
                (IPAddress.TryParse(text, out var address) ? address : null, "must be an IP address of this machine"),
            _ when type == typeof(string) => (text, "must be one value"),
            _ when type == typeof(bool) => (Plain(given, type), "must be true or false"),
            { IsEnum: true } => (Plain(given, type), $"must be {string.Join(" or ", Enum.GetNames(type))}"),
            _ => (Plain(given, type), "must be a whole number"),
        };
        return read.Value ?? throw Rejected($"{given.Path} is '{text ?? string.Join(",", entries)}': it {read.Rule}.");
    }

    private static IPNetwork? Network(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8)
        : null;

    private static object? Plain(IConfigurationSection given, Type type)
    {
        try
        {
            return given.Value is null ? null : given.Get(type);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static TimeSpan? Duration(string text)
    {
        text = text.Trim();
        foreach (var (unit, milliseconds) in Units)
        {
            if (text.EndsWith(unit, StringComparison.Ordinal))
            {
                const NumberStyles Styles = NumberStyles.AllowDecimalPoint | NumberStyles.AllowTrailingWhite;
                return double.TryParse(text[..^unit.Length], Styles, CultureInfo.InvariantCulture, out var number)
                    && number * milliseconds <= int.MaxValue
                        ? TimeSpan.FromMilliseconds(number * milliseconds)
                        : null;
            }
        }

        // TimeSpan.TryParse reads a bare number as days.
        return text.Contains(':', StringComparison.Ordinal)
            && TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;
    }

    // A settable property is a value; a read-only property that holds options is a nested section.
    internal static IEnumerable<PropertyInfo> Properties(Type type) =>
        type.GetProperties().Where(p => p.SetMethod is { IsPublic: true } || IsNested(p));

    private static bool IsNested(PropertyInfo property) =>
        property is { CanWrite: false, PropertyType.IsClass: true } && property.PropertyType != typeof(string);

    private static OptionsValidationException Rejected(string message) =>
        new(Options.DefaultName, typeof(BoundOptions), [message]);

    private sealed class Validation<T>(string name, Action<T> validate) : IValidateOptions<T>
        where T : class
    {
        public ValidateOptionsResult Validate(string? given, T options)
        {
            if (given != name)
            {
                return ValidateOptionsResult.Skip;
            }

            try
            {
                validate(options);
                return ValidateOptionsResult.Success;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return ValidateOptionsResult.Fail(e.Message);
            }
        }
    }
}
