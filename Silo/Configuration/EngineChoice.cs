namespace Presence.Silo;

/// <summary>Which engine runs, and why.</summary>
/// <param name="Name"><c>embedded</c>, <c>orleans</c> or <c>postgres</c>.</param>
/// <param name="Why">For the person who started the host.</param>
internal sealed record EngineChoice(string Name, string Why)
{
#if ORLEANS
    private const string WithoutOrleans =
        "this build holds Orleans, but the host cannot start members on it yet; use --engine embedded";
#else
    private const string WithoutOrleans =
        "this build is without Orleans (UseOrleans=false, chosen where Microsoft.Orleans.* cannot be restored); "
        + "use --engine embedded";
#endif

    /// <exception cref="SiloStartException">The engine that was asked for is not there.</exception>
    public static EngineChoice Decide(string? wanted) => wanted switch
    {
        null => new EngineChoice("embedded", DefaultReason),
        "embedded" => new EngineChoice("embedded", "as configured"),
        "orleans" => throw new SiloStartException($"Presence:Engine is 'orleans': {WithoutOrleans}."),
        _ => throw new SiloStartException(
            $"Presence:Engine is '{wanted}': its link over LISTEN/NOTIFY is missing from this version; use --engine embedded."),
    };

#if ORLEANS
    private const string DefaultReason = "the default for as long as the host cannot start members on Orleans";
#else
    private const string DefaultReason = "the default of a build without Orleans";
#endif
}
