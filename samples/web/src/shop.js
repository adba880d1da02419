import "./shop.css";
import { Cart } from "./cart.js";
import { plural } from "./wording.js";

const at = (id) => document.getElementById(id);
const price = (cents) => `€${(cents / 100).toFixed(2)}`;
const STATES = {
  connecting: "Connecting",
  joining: "Joining",
  live: "Live",
  disconnected: "Offline",
  rejected: "Rejected",
};

/** Product and size by item id, from the catalogue. */
const items = new Map();
const left = new Map();
const cart = new Cart({ changed: render, stock: showStock });
// For tests.
globalThis.shop = cart;

const products = [...document.querySelectorAll("[data-product]")].map((element) => element.dataset.product);
cart.open(products);
setUpDialog();
setUpProduct();
setUpCheckout();
loadCatalogue();

async function loadCatalogue() {
  const response = await fetch(document.documentElement.dataset.base + "catalogue");
  for (const product of await response.json()) {
    for (const item of product.items) items.set(item.id, { ...product, size: item.size });
  }
  render();
}

function render() {
  const live = cart.state === "live";
  at("connection").dataset.state = cart.state;
  set(at("connection-word"), STATES[cart.state]);
  const notice = at("notice");
  notice.hidden = cart.state !== "disconnected" && cart.state !== "rejected";
  if (!notice.hidden) {
    set(
      notice,
      cart.state === "disconnected"
        ? "The shop cannot be reached; reconnecting. Your cart is stored in this browser."
        : "The shop rejected this cart.",
    );
  }
  set(at("cart-count"), String(cart.items.length));
  at("cart-open").setAttribute("aria-label", `Cart, ${plural(cart.items.length, "item")}`);
  renderLines(at("cart-lines"));
  const empty = cart.items.length === 0;
  at("cart-empty").hidden = !empty;
  at("cart-checkout").hidden = empty;
  set(at("cart-total"), total());
  for (const button of document.querySelectorAll(".remove, #add button")) button.disabled = !live;
  if (at("checkout")) {
    renderLines(at("checkout-lines"));
    set(at("checkout-total"), total());
    const missing = cart.items.filter((item) => left.get(item) === 0);
    at("order").disabled = !live || empty || missing.length > 0;
  }
}

function total() {
  return price(cart.items.reduce((sum, item) => sum + (items.get(item)?.cents ?? 0), 0));
}

function renderLines(list) {
  const rows = new Map([...list.children].map((row) => [Number(row.dataset.item), row]));
  for (const item of cart.items) {
    const known = items.get(item);
    if (!known) continue;
    let row = rows.get(item);
    if (!row) {
      row = at("line").content.firstElementChild.cloneNode(true);
      row.dataset.item = item;
      row.querySelector("circle").setAttribute("fill", known.upper);
      row.querySelector("b").textContent = known.name;
      row.querySelector(".price").textContent = price(known.cents);
      const remove = row.querySelector(".remove");
      remove.setAttribute("aria-label", `Remove ${known.name}, size ${known.size}`);
      remove.addEventListener("click", () => cart.remove(item).catch(() => {}));
    }
    rows.delete(item);
    const gone = left.get(item) === 0;
    row.classList.toggle("gone", gone);
    set(row.querySelector("small"), gone ? `size ${known.size}, sold out` : `size ${known.size}`);
    list.append(row);
  }
  for (const row of rows.values()) row.remove();
}

function showStock(stock) {
  let pairs = 0;
  for (const item of stock.items) {
    left.set(item.id, item.left);
    pairs += item.left;
    const label = document.querySelector(`[data-item="${item.id}"].size`);
    if (label) {
      const radio = label.querySelector("input");
      radio.disabled = item.sold_out;
      if (item.sold_out) radio.checked = false;
      set(label.querySelector("small"), item.sold_out ? "sold out" : item.left <= 3 ? `${item.left} left` : "");
    }
  }
  const product = document.querySelector(`[data-product="${stock.product_id}"]`);
  const badge = product?.querySelector("[data-stock]");
  if (badge) {
    badge.dataset.mood = pairs === 0 ? "gone" : pairs <= 4 ? "few" : "many";
    set(badge, pairs === 0 ? "Sold out" : pairs <= 4 ? `Only ${plural(pairs, "pair")} left` : "In stock");
  }
  render();
}

function setUpDialog() {
  const dialog = at("cart");
  at("cart-open").addEventListener("click", () => dialog.showModal());
  at("cart-close").addEventListener("click", () => dialog.close());
  // The target of a click beside the dialog is the dialog.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

function setUpProduct() {
  const form = at("add");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const item = Number(new FormData(form).get("item"));
    try {
      await cart.add(item);
      set(at("add-result"), `Size ${items.get(item)?.size ?? ""} is in your cart.`);
    } catch (error) {
      set(at("add-result"), `Not added: ${error.message}.`);
    }
  });
}

function setUpCheckout() {
  if (!at("checkout")) return;
  // Every product: any item of the cart may sell out while the page is open.
  for (const product of [1, 2, 3, 4, 5, 6]) {
    const channel = cart.socket.channel(`product:${product}`);
    channel.on("stock", showStock);
    channel.join();
  }
  at("order").addEventListener("click", async () => {
    at("order").disabled = true;
    try {
      const { order, items: bought } = await cart.checkOut();
      set(at("order-result"), `Thank you. Order ${order}: ${plural(bought.length, "pair")}.`);
    } catch (error) {
      set(at("order-result"), `Not ordered: ${error.message}.`);
    }
    render();
  });
}

/** Writes only what differs, so that screen readers and selections are not disturbed. */
function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
