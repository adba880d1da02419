using System.Text.Json;
using Presence.Tracker;

namespace Presence.Samples.Shop;

/// <summary>The metadata of an open page: <c>{page, items}</c>; other fields are ignored.</summary>
/// <param name="Page">Its path; empty if there is none.</param>
/// <param name="Items">Distinct ids of the items in its cart, as text.</param>
internal sealed record Visit(string Page, IReadOnlyList<string> Items)
{
    /// <summary>The maximum number of items of one cart that are counted.</summary>
    public const int MaxItems = 256;

    /// <summary>Reads metadata. Fields of other types are ignored: any admin may track in the topic.</summary>
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

    /// <summary>Reads an array; the reader ends on its last token.</summary>
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
