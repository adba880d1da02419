namespace Presence.Samples.Shop;

/// <summary>A shoe in one size.</summary>
/// <param name="Id">Unique in the shop.</param>
/// <param name="ProductId">The product.</param>
/// <param name="Size">European size.</param>
/// <param name="Stock">Number of pairs before the first sale.</param>
internal sealed record Item(int Id, int ProductId, int Size, int Stock);

/// <summary>A shoe.</summary>
/// <param name="Id">Unique in the shop.</param>
/// <param name="Name">Its name.</param>
/// <param name="Line">One sentence about it.</param>
/// <param name="Cents">Price in euro cents.</param>
/// <param name="Upper">Colour of the upper, <c>#rrggbb</c>.</param>
/// <param name="Sole">Colour of the sole, <c>#rrggbb</c>.</param>
/// <param name="Accent">Colour of the rest, <c>#rrggbb</c>.</param>
/// <param name="Items">Its sizes.</param>
internal sealed record Product(
    int Id,
    string Name,
    string Line,
    int Cents,
    string Upper,
    string Sole,
    string Accent,
    IReadOnlyList<Item> Items);

/// <summary>The fixed range of the sample shop.</summary>
internal static class Catalogue
{
    private static readonly int[] Sizes = [38, 40, 42, 44];

    public static IReadOnlyList<Product> Products { get; } =
    [
        Shoe(1, "Halo Runner", "Light as a Sunday, with a sole that forgives Mondays.", 11_900,
            "#3b82f6", "#e7ecf3", "#facc15", 40),
        Shoe(2, "Moss Trail", "Grips wet roots, shrugs at rain, and likes to be dirty.", 13_500,
            "#4d7c4a", "#3a3329", "#d9e7b5", 40),
        Shoe(3, "Ember Court", "A court classic in the colour of the last set.", 9_900,
            "#e4572e", "#fbf3ea", "#2e2a33", 40),
        Shoe(4, "Night Shift", "Black on black, and a thread that answers headlights.", 12_900,
            "#30333d", "#17181d", "#8be9fd", 40),
        Shoe(5, "Paper Crane", "White canvas for people who do not spill coffee.", 8_900,
            "#eceae4", "#cfcac0", "#d64550", 40),
        Shoe(6, "First Edition", "One pair of each size, numbered. Watch them go.", 24_900,
            "#7c4dff", "#f3e9ff", "#ffb300", 1),
    ];

    private static readonly Dictionary<int, Item> Items =
        Products.SelectMany(p => p.Items).ToDictionary(item => item.Id);

    public static Product? FindProduct(int id) => id >= 1 && id <= Products.Count ? Products[id - 1] : null;

    public static Item? FindItem(int id) => Items.GetValueOrDefault(id);

    private static Product Shoe(
        int id,
        string name,
        string line,
        int cents,
        string upper,
        string sole,
        string accent,
        int stock) => new(
            id,
            name,
            line,
            cents,
            upper,
            sole,
            accent,
            [.. Sizes.Select((size, at) => new Item(((id - 1) * Sizes.Length) + at + 1, id, size, stock))]);
}
