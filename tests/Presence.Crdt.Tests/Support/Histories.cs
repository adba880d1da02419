using Microsoft.FSharp.Core;

namespace Presence.Crdt.Tests.Support;

/// <summary>
/// A change of the owner: j(oin), u(pdate), l(eave of several) or c(ut of the window). Skipped if impossible.
/// </summary>
internal sealed record Step(char Kind, int Key, int Width)
{
    public override string ToString() => Kind == 'l' ? $"l{Key}+{Width}" : Kind == 'c' ? "c" : $"{Kind}{Key}";
}

/// <summary>A history of the owner and a seed for everything random.</summary>
internal sealed record Story(Step[] Steps, int Seed)
{
    public override string ToString() => $"[{string.Join(" ", Steps.AsEnumerable())}] seed {Seed}";
}

/// <summary>Generates histories and shrinks failing ones by omitting steps.</summary>
internal static class Histories
{
    /// <summary>Gets the first seed: fixed unless PRESENCE_SEED is set.</summary>
    private static ulong FirstSeed { get; } =
        ulong.TryParse(Environment.GetEnvironmentVariable("PRESENCE_SEED"), out var seed) ? seed : 20261121;

    private static Gen<Step> Steps { get; } =
        from kind in Gen.Elements('j', 'j', 'j', 'u', 'l', 'c', 'c')
        from key in Gen.Choose(0, 11)
        from width in Gen.Frequency((4, Gen.Constant(1)), (1, Gen.Choose(2, 6)))
        select new Step(kind, key, width);

    /// <summary>Checks a statement about histories of up to <paramref name="longest"/> steps.</summary>
    public static void Hold(int runs, int longest, Action<Story> statement)
    {
        var stories =
            from length in Gen.Choose(0, longest)
            from steps in Gen.ArrayOf(Steps, length)
            from seed in Gen.Choose(int.MinValue, int.MaxValue)
            select new Story(steps, seed);
        Run(runs, Arb.From(stories, Shorter), statement);
    }

    /// <summary>Checks a statement about random lists.</summary>
    public static void Hold<T>(int runs, Gen<T> some, int max, Action<T[]> statement) =>
        Run(runs, Arb.From(Gen.Choose(0, max).SelectMany(n => Gen.ArrayOf(some, n)), Shorter), statement);

    private static void Run<T>(int runs, Arbitrary<T> arbitrary, Action<T> statement)
    {
        var replay = FSharpOption<Replay>.Some(new Replay(new Rnd(FirstSeed), FSharpOption<int>.None));
        var config = Config.QuickThrowOnFailure.WithMaxTest(runs).WithQuietOnSuccess(true).WithReplay(replay);
        Check.One(config, Prop.ForAll(arbitrary, statement));
    }

    private static IEnumerable<Story> Shorter(Story story) =>
        Shorter(story.Steps).Select(s => story with { Steps = s });

    private static IEnumerable<T[]> Shorter<T>(T[] items)
    {
        for (var size = items.Length; size > 0; size /= 2)
        {
            for (var at = 0; at + size <= items.Length; at += size)
            {
                yield return [.. items[..at], .. items[(at + size)..]];
            }
        }
    }
}
