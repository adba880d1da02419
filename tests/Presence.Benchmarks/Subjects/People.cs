using System.Text;

namespace Presence.Benchmarks.Subjects;

/// <summary>The presences of the baseline: key "123" and the metadata <c>{online_at, name: "user 123"}</c>.</summary>
internal static class People
{
    public static string Key(int number) => number.ToString(CultureInfo.InvariantCulture);

    public static string Topic(int number) => $"topic:{number.ToString(CultureInfo.InvariantCulture)}";

    public static PresenceMeta Meta(int number, int version = 0) => PresenceMeta.Trusted(Encoding.UTF8.GetBytes(
        $$"""{"online_at":{{1_700_000_000_000 + version}},"name":"user {{number}}"}"""));
}
