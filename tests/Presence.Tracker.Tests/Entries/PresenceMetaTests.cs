using System.Text;

namespace Presence.Tracker.Tests.Entries;

public sealed class PresenceMetaTests
{
    [Fact]
    public void Text_of_a_value_is_kept_as_UTF8_and_counted_as_such()
    {
        var meta = PresenceMeta.From(new { name = "日本語 <é> 'x'" });
        Assert.Equal("""{"name":"日本語 <é> 'x'"}""", meta.ToString());
        Assert.Equal(Encoding.UTF8.GetByteCount(meta.ToString()), meta.Length);
    }

    [Theory]
    [InlineData("""{"a":"\ud83d"}""")]
    [InlineData("""{"a":[{"\uDE00":1}]}""")]
    [InlineData("""{"a":"\ud83d\ud83d\ude00"}""")]
    public void Escape_of_half_a_surrogate_pair_is_rejected(string json) =>
        Assert.Throws<PresenceMetaException>(() => PresenceMeta.Parse(json));

    [Theory]
    [InlineData("""{"a":"\ud83d\ude00 \\ud83d \u0000 \u00e9"}""")]
    [InlineData("""{"a":"日本語"}""")]
    public void Other_text_stays_as_it_came(string json) => Assert.Equal(json, PresenceMeta.Parse(json).ToString());
}
