import { Socket } from "phoenix";

const ID_KEY = "sole.cart_id";
const CART_KEY = "sole.cart";

/** The shopper's cart: kept here, signed by the server, and the same in every tab and on every member. */
export class Cart {
  /** @param {{changed: () => void, stock: (stock: object) => void}} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    this.items = [];
    this.known = false;
    this.state = "connecting";
    this.socket = new Socket("/socket");
    this.socket.onOpen(() => this.#become("joining"));
    this.socket.onClose(() => this.#become("lost"));
  }

  /** @param {string[]} products whose stock this page shows */
  open(products) {
    // Asked for at every join, so that a reconnection brings the cart as it is now.
    this.channel = this.socket.channel(`cart:${cartId()}`, () => ({
      serialized: read(CART_KEY) ?? undefined,
      page: location.pathname,
    }));
    this.channel.on("cart", (cart) => this.#take(cart));
    this.channel.onError(() => this.socket.isConnected() && this.#become("joining"));
    this.channel
      .join()
      .receive("ok", () => this.#become("live"))
      .receive("error", () => this.#become("refused"));
    for (const product of products) {
      const channel = this.socket.channel(`product:${product}`);
      channel.on("stock", (stock) => this.hooks.stock(stock));
      channel.join();
    }
    this.socket.connect();
  }

  add = (item) => this.#change("add_item", { item_id: item });

  remove = (item) => this.#change("remove_item", { item_id: item });

  async checkOut() {
    return this.#push("checkout", {});
  }

  async #change(event, payload) {
    this.#take(await this.#push(event, payload));
  }

  #push(event, payload) {
    return new Promise((resolve, reject) => {
      this.channel
        .push(event, payload)
        .receive("ok", resolve)
        .receive("error", (response) => reject(Object.assign(new Error(response.reason ?? "refused"), { response })))
        .receive("timeout", () => reject(new Error("the shop did not answer")));
    });
  }

  #take({ items, serialized }) {
    this.items = items;
    this.known = true;
    write(CART_KEY, serialized);
    this.hooks.changed();
  }

  #become(state) {
    this.state = state;
    this.hooks.changed();
  }
}

function cartId() {
  let id = read(ID_KEY);
  if (id?.length !== 64) {
    id = Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, "0")).join("");
    write(ID_KEY, id);
  }
  return id;
}

// A browser may forbid storage; then the cart lives as long as the page.
const fallback = new Map();

function read(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return fallback.get(key) ?? null;
  }
}

function write(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    fallback.set(key, value);
  }
}
