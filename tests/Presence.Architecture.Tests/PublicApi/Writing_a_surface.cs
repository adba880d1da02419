using System.Reflection;
using Xunit;

namespace Presence.Architecture.Tests.PublicApi;

public sealed class Writing_a_surface
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static |
        BindingFlags.DeclaredOnly;

    public interface IShape
    {
        string? Name { get; }

        void Draw(in int times, params string[] words);

        int Corners() => 0;
    }

    public enum Colour : byte
    {
        Red = 1,
        Blue = 2,
    }

    public abstract class Shape<T> : IShape
        where T : class, new()
    {
        public const int Most = 3;

        protected Shape(T? seed = null) => Seed = seed;

        public event EventHandler<string?>? Drawn;

        public string? Name { get; protected init; }

        public required IReadOnlyDictionary<string, T?> Parts { get; set; }

        protected T? Seed { get; }

        internal int Hidden { get; set; }

        public abstract ValueTask<List<string?>> Cut(ref int by, out T? rest, Colour to = Colour.Blue);

        public void Draw(in int times, params string[] words) => Drawn?.Invoke(this, words[times]);

        public virtual void Fold() => Hidden++;

        public override string ToString() => Name ?? "";
    }

    public readonly record struct Pair(int? Left, (string, int) Right);

    [Theory]
    [InlineData("public Shape(T? seed = null);", "protected")]
    [InlineData("const int Most = 3;", "public")]
    [InlineData("event EventHandler<string?>? Drawn;", "public")]
    [InlineData("string? Name { get; protected init; }", "public")]
    [InlineData("required IReadOnlyDictionary<string, T?> Parts { get; set; }", "public")]
    [InlineData("T? Seed { get; }", "protected")]
    [InlineData("void Draw(in int times, params string[] words);", "public")]
    [InlineData("virtual void Fold();", "public")]
    [InlineData("override string ToString();", "public")]
    [InlineData(
        "abstract ValueTask<List<string?>> Cut(ref int by, out T? rest, Colour to = Colour.Blue);",
        "public")]
    public void Members_are_written_as_they_are_declared(string declaration, string access)
    {
        var written = declaration.Replace("public ", "", StringComparison.Ordinal);

        Assert.Contains($"{access} {written}", Members(typeof(Shape<>)).Select(Short));
    }

    [Fact]
    public void What_is_internal_is_not_written()
    {
        Assert.DoesNotContain(Members(typeof(Shape<>)), member => member.Contains("Hidden", StringComparison.Ordinal));
    }

    [Fact]
    public void Interfaces_tell_what_must_be_implemented_from_what_may_be()
    {
        Assert.Contains("public virtual int Corners();", Members(typeof(IShape)));
        Assert.Contains("public string? Name { get; }", Members(typeof(IShape)));
    }

    [Fact]
    public void Records_show_their_positional_members()
    {
        Assert.Contains("public Pair(int? Left, (string, int) Right);", Members(typeof(Pair)));
        Assert.Contains("public int? Left { get; init; }", Members(typeof(Pair)));
    }

    private static string Short(string member) => member.Replace("Writing_a_surface.", "", StringComparison.Ordinal);

    private static List<string> Members(Type type) =>
    [
        .. type.GetMembers(Everything)
            .Select(ApiMembers.Of)
            .OfType<string>(),
    ];
}
