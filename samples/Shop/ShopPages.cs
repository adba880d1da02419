using System.Globalization;
using System.Net;
using System.Text;

namespace Presence.Samples.Shop;

/// <summary>The markup of the shop, which is readable without scripts; these add carts and stock.</summary>
internal static class ShopPages
{
    public static string Products()
    {
        var html = new StringBuilder("""
            <section class="hero">
              <h1>Shoes, live.</h1>
              <p>Open a second tab: both hold one cart. Open one on another node: still one cart. When the last pair of
                something goes, every page knows at once.</p>
            </section>
            <ul class="grid">
            """);
        foreach (var product in Catalogue.Products)
        {
            html.Append(CultureInfo.InvariantCulture, $"""
                <li class="tile" data-product="{product.Id}">
                  <a href="/products/{product.Id}">
                    {Picture(product)}
                    <h2>{Encode(product.Name)}</h2>
                  </a>
                  <p class="soft">{Encode(product.Line)}</p>
                  <p class="buy"><span class="price">{Price(product.Cents)}</span>
                    <span class="stock" data-stock></span></p>
                </li>

                """);
        }

        return html.Append("</ul>").ToString();
    }

    public static string Product(Product product)
    {
        var sizes = new StringBuilder();
        foreach (var item in product.Items)
        {
            sizes.Append(CultureInfo.InvariantCulture, $"""
                <label class="size" data-item="{item.Id}"><input type="radio" name="item" value="{item.Id}" required>
                  <span>{item.Size}</span><small data-left></small></label>

                """);
        }

        return string.Create(CultureInfo.InvariantCulture, $"""
            <nav class="crumbs" aria-label="Breadcrumb"><a href="/">All shoes</a></nav>
            <article class="product" data-product="{product.Id}">
              {Picture(product)}
              <div>
                <h1>{Encode(product.Name)}</h1>
                <p class="soft lead">{Encode(product.Line)}</p>
                <p class="buy"><span class="price">{Price(product.Cents)}</span>
                  <span class="stock" data-stock></span></p>
                <form id="add">
                  <fieldset><legend>Size</legend><div class="sizes">{sizes}</div></fieldset>
                  <button class="primary" disabled>Add to cart</button>
                  <p class="soft" id="add-result" role="status"></p>
                </form>
              </div>
            </article>
            """);
    }

    public static string Checkout() => """
        <h1>Checkout</h1>
        <section class="card" id="checkout" aria-live="polite">
          <ul class="lines" id="checkout-lines"></ul>
          <p class="total"><span>Total</span> <b id="checkout-total"></b></p>
          <button class="primary" id="order" disabled>Place the order</button>
          <p class="soft">Nothing is charged and nothing is sent: this is a sample.</p>
          <p id="order-result" role="status"></p>
        </section>
        """;

    private static string Price(int cents) =>
        string.Create(CultureInfo.InvariantCulture, $"€{cents / 100}.{cents % 100:00}");

    private static string Encode(string text) => WebUtility.HtmlEncode(text);

    /// <summary>
    /// Returns a drawing, so that nothing is loaded. Colours are attributes: the policy allows no inline styles.
    /// </summary>
    private static string Picture(Product product) => $"""
        <svg class="picture" viewBox="0 0 320 200" role="img" aria-label="{Encode(product.Name)}">
          <ellipse cx="162" cy="172" rx="132" ry="8" fill="#000" opacity=".10"/>
          <path fill="{product.Upper}" d="M33 140c-4-22-3-48 6-66 5-10 18-12 26-4 9 9 20 15 33 14 14-1 25-9 36-18l14-12
            c7-6 17-5 23 2l24 29c9 11 22 16 36 19 20 4 44 5 58 16 7 5 10 12 10 20z"/>
          <path fill="{product.Accent}" d="M39 74c5-10 18-12 26-4 5 5 10 9 16 11l-9 59H33c-4-22-3-48 6-66z"
            opacity=".85"/>
          <path fill="none" stroke="{product.Accent}" stroke-width="7" stroke-linecap="round"
            d="M104 132c26 0 46-10 64-34M130 135c22-2 38-10 52-26"/>
          <path fill="none" stroke="{product.Sole}" stroke-width="5" stroke-linecap="round"
            d="M146 66l22 10M158 82l22 8M172 98l22 6"/>
          <path fill="{product.Sole}" d="M28 138h272c3 14-4 26-18 26H46c-13 0-20-12-18-26z"/>
          <path fill="{product.Accent}" d="M29 150h271c-1 4-3 7-5 9H33c-2-3-4-6-4-9z" opacity=".55"/>
        </svg>
        """;
}
