namespace Presence.Silo;

/// <summary>Which engine runs, and why.</summary>
/// <param name="Engine">The engine.</param>
/// <param name="Why">For the person who started the host.</param>
internal sealed record EngineChoice(Engine Engine, string Why)
{
    public string Name => Engine.Name;

    /// <exception cref="SiloStartException">The engine that was asked for is not there.</exception>
    public static EngineChoice Decide(SiloOptions options) => options.Engine switch
    {
        "embedded" => new EngineChoice(new EmbeddedEngine(), "as configured"),
        "postgres" => new EngineChoice(new PostgresEngine(options), "as configured"),
#if ORLEANS
        "orleans" => new EngineChoice(new OrleansEngine(options), "as configured"),
        _ => new EngineChoice(new OrleansEngine(options), "the default where Orleans was built"),
#else
        "orleans" => throw new SiloStartException(
            "Presence:Engine is 'orleans': this build is without Orleans (UseOrleans=false, chosen where Microsoft.Orleans.* "
            + "cannot be restored); use --engine embedded."),
        _ => new EngineChoice(new EmbeddedEngine(), "the default of a build without Orleans"),
#endif
    };
}
