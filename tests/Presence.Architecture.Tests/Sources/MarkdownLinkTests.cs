namespace Presence.Architecture.Tests.Sources;

/// <summary>Checks the links between the documents.</summary>
public sealed partial class MarkdownLinkTests
{
    [Fact]
    public void Relative_links_lead_to_files_and_headings()
    {
        var broken =
            from file in Repository.MarkdownFiles
            from line in TextOf(file)
            from Match link in Link().Matches(CodeSpan().Replace(line.Text, ""))
            let target = link.Groups["target"].Value
            where !target.Contains(':', StringComparison.Ordinal) && !Exists(file, target)
            select $"{file}:{line.Number}: {target}";
        Findings.MustBeNone(broken, "Link to a file and a heading that exist.");
    }

    [Theory]
    [InlineData("## An ASP.NET Core application", "an-aspnet-core-application")]
    [InlineData("### Meter `Presence.Tracker`", "meter-presencetracker")]
    [InlineData("# [Title](x.md), with: `a_b` - c", "title-with-a_b---c")]
    public void A_heading_has_the_anchor_that_GitHub_gives_it(string heading, string anchor) =>
        Assert.Equal(anchor, Anchor(heading));

    private static bool Exists(string file, string target)
    {
        var (path, anchor) = target.Split('#') is [var before, var after] ? (before, after) : (target, null);
        var folder = Path.GetDirectoryName(Repository.PathOf(file))!;
        var full = path.Length == 0 ? Repository.PathOf(file) : Path.GetFullPath(Path.Combine(folder, path));
        return anchor is null
            ? File.Exists(full) || Directory.Exists(full)
            : File.Exists(full) && Anchors(Path.GetRelativePath(Repository.Root, full)).Contains(anchor);
    }

    private static HashSet<string> Anchors(string file)
    {
        var anchors = new HashSet<string>(StringComparer.Ordinal);
        foreach (var line in TextOf(file).Where(line => line.Text.StartsWith('#')))
        {
            var anchor = Anchor(line.Text);
            var repeated = Enumerable.Range(1, 100).Select(number => $"{anchor}-{number}");
            anchors.Add(repeated.Prepend(anchor).First(name => !anchors.Contains(name)));
        }

        return anchors;
    }

    private static string Anchor(string heading) => NotInAnchors()
        .Replace(LinkText().Replace(heading.TrimStart('#').Trim(), "$1").ToLowerInvariant(), "").Replace(' ', '-');

    /// <summary>Returns the lines outside of code blocks.</summary>
    private static IEnumerable<(string Text, int Number)> TextOf(string file)
    {
        var isCode = false;
        foreach (var (number, text) in Repository.Lines(file).Index())
        {
            isCode ^= text.TrimStart().StartsWith("```", StringComparison.Ordinal);
            if (!isCode)
            {
                yield return (text, number + 1);
            }
        }
    }

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\[([^\]]*)\]\([^)]*\)")]
    private static partial Regex LinkText();

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex CodeSpan();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();
}
