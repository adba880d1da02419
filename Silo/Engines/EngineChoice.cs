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
        "orleans" => new EngineChoice(new OrleansEngine(options), "as configured"),
        _ => new EngineChoice(new OrleansEngine(options), "the default where Orleans was built"),
    };
}
