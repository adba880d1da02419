using System.Text.Json;
using Presence.Tracker;

namespace Presence.Dashboard;

/// <summary>What one open page says about itself: <c>{page, items}</c>, whatever else it says.</summary>
/// <param name="Page">Its path; empty if it names none.</param>
/// <param name="Items">Distinct ids of the items in its cart, as text.</param>
internal sealed record Visit(string Page, IReadOnlyList<string> Items)
{
    /// <summary>Ids of one cart that are counted; what comes after them is not.</summary>
    public const int MaxItems = 256;

    /// <summary>Anything may be tracked in a topic, so nothing is expected to be there or to have its type.</summary>
    public static Visit Read(PresenceMeta meta)
    {
        var (page, items) = ("", new List<string>());
        var reader = new Utf8JsonReader(meta.Utf8.Span);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isPage = reader.ValueTextEquals("page"u8);
            var isItems = reader.ValueTextEquals("items"u8);
            reader.Read();
            if (isPage)
            {
                page = reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
            }
            else if (isItems && reader.TokenType == JsonTokenType.StartArray)
            {
                ReadItems(ref reader, items);
                continue;
            }

            reader.Skip();
        }

        return new Visit(page, items);
    }

    /// <summary>Leaves the reader on the end of the array.</summary>
    private static void ReadItems(ref Utf8JsonReader reader, List<string> items)
    {
        items.Clear();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var id = reader.TokenType switch
            {
                JsonTokenType.String => reader.GetString()!,
                JsonTokenType.Number => System.Text.Encoding.UTF8.GetString(reader.ValueSpan),
                _ => null,
            };
            if (id is not null && items.Count < MaxItems && !items.Contains(id))
            {
                items.Add(id);
            }

            reader.Skip();
        }
    }
}
