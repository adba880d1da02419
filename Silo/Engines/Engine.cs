namespace Presence.Silo;

/// <summary>How the members of a run reach each other, and those of other processes.</summary>
internal abstract class Engine
{
    public abstract string Name { get; }

    /// <summary>Puts what joins it to the others into a member, before its node.</summary>
    /// <exception cref="SiloStartException">A setting does not fit.</exception>
    public abstract void AddTo(WebApplicationBuilder builder, MemberPlace place);

    /// <summary>Sees to what members need outside of them; called once before they start.</summary>
    /// <exception cref="SiloStartException">It is not there and cannot be made.</exception>
    public virtual Task PrepareAsync(CancellationToken stop) => Task.CompletedTask;

    /// <summary>Creates the engine's own tables in the database, of which there is one.</summary>
    /// <exception cref="SiloStartException">They cannot be created.</exception>
    public virtual Task CreateSchemaAsync() => Task.CompletedTask;
}

/// <summary>Which of the members of a run it is.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Name">Its name.</param>
/// <param name="Port">Where it listens for HTTP; 0 if the system chooses.</param>
internal sealed record MemberPlace(int Number, string Name, int Port);
