using Presence.Architecture.Tests.ProjectReferences;

namespace Presence.Architecture.Tests.PublicApi;

/// <summary>Durations of options have an upper bound: a timer throws when it gets one of more than 49.7 days.</summary>
public sealed class DurationTests
{
    private const BindingFlags Instance = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly TimeSpan TooLong = TimeSpan.FromDays(25);

    /// <summary>Nothing waits for these: they are compared with ages, and have a bound of their own.</summary>
    private static readonly string[] Compared = ["TrackerOptions.PermDownPeriod", "LastSeenOptions.Retention"];

    /// <summary>Delays of a simulated network, which pass in virtual time: no timer gets them.</summary>
    private static readonly string[] Simulated =
        ["LinkConditions.MaxDelay", "LinkConditions.MinDelay", "LinkConditions.QueueDelay"];

    [Fact]
    public void Options_reject_durations_that_timers_do_not_accept()
    {
        var durations = Durations().ToList();
        Assert.Contains(durations, property => NameOf(property) == "UniqueProcessOptions.StopTimeout");
        Findings.MustBeNone(
            durations.Where(property => !Simulated.Contains(NameOf(property))).SelectMany(Faults),
            "Check the duration with OptionRules.RequireWait.");
    }

    [Fact]
    public void Listed_exceptions_exist()
    {
        var names = Durations().Select(NameOf).ToHashSet();
        Findings.MustBeNone(
            Compared.Concat(Simulated).Where(name => !names.Contains(name)), "Remove the name from the list.");
    }

    private static IEnumerable<PropertyInfo> Durations() => Layering.Libraries
        .SelectMany(project => Layering.Load(project).GetExportedTypes())
        .Where(type => Regex.IsMatch(type.Name, "(Options|Limits|Delay|Conditions)$") || ValidateOf(type) is not null)
        .SelectMany(type => type.GetProperties())
        .Where(property => property.SetMethod is { IsPublic: true, IsStatic: false }
            && (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType) == typeof(TimeSpan));

    private static IEnumerable<string> Faults(PropertyInfo property)
    {
        if (ValidateOf(property.DeclaringType!) is not { } validate)
        {
            yield return $"{property.DeclaringType!.Name} has no method Validate";
            yield break;
        }

        if (Rejection(validate, Create(property)) is { } rejection)
        {
            yield return $"The defaults of {property.DeclaringType!.Name} are rejected: {rejection.Message}";
        }

        TimeSpan[] wrong = Compared.Contains(NameOf(property)) ? [TimeSpan.MaxValue] : [TooLong, TimeSpan.MaxValue];
        foreach (var value in wrong)
        {
            var options = Create(property);
            property.SetValue(options, value);
            if (Rejection(validate, options) is null or OverflowException)
            {
                yield return $"{NameOf(property)} = {value} is accepted, or fails with an overflow";
            }
        }
    }

    private static object Create(PropertyInfo property)
    {
        var options = Activator.CreateInstance(property.DeclaringType!)!;
        property.DeclaringType!.GetProperty("ConnectionString")?.SetValue(options, "Host=localhost");
        return options;
    }

    private static Exception? Rejection(MethodInfo validate, object options)
    {
        try
        {
            validate.Invoke(options, [.. validate.GetParameters().Select(_ => (object)"name")]);
            return null;
        }
        catch (TargetInvocationException e)
        {
            return e.InnerException;
        }
    }

    private static MethodInfo? ValidateOf(Type type) => type.GetMethod("Validate", Instance);

    private static string NameOf(PropertyInfo property) => $"{property.DeclaringType!.Name}.{property.Name}";
}
