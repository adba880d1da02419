namespace Presence.Harness.Conformance;

/// <summary>Three links of one cluster that know each other.</summary>
internal sealed class Trio : IAsyncDisposable
{
    private Trio(IEngine engine) => Engine = engine;

    public IEngine Engine { get; }

    public HeardFrames AtA { get; } = new();

    public HeardFrames AtB { get; } = new();

    public HeardFrames AtC { get; } = new();

    public IEngineMember A { get; private set; } = null!;

    public IEngineMember B { get; private set; } = null!;

    public IEngineMember C { get; private set; } = null!;

    public static async Task<Trio> StartAsync(IEngine engine)
    {
        var trio = new Trio(engine);
        trio.A = await engine.StartLinkAsync("a", trio.AtA);
        trio.B = await engine.StartLinkAsync("b", trio.AtB);
        trio.C = await engine.StartLinkAsync("c", trio.AtC);
        foreach (var (at, others) in new[] { (trio.AtA, "bc"), (trio.AtB, "ac"), (trio.AtC, "ab") })
        {
            foreach (var other in others)
            {
                await at.UntilAsync("joined", other.ToString());
            }
        }

        return trio;
    }

    public ValueTask DisposeAsync() => Engine.DisposeAsync();
}
