import { Socket } from "phoenix";

const ID_KEY = "sole.cart_id";
const CART_KEY = "sole.cart";
// The path below which a proxy serves the host, with a slash at its end.
const BASE = document.documentElement.dataset.base;

/** The shopper's cart: stored in the browser, signed by the server, the same in every tab and on every node. */
export class Cart {
  /** @param {{changed: () => void, stock: (stock: object) => void}} hooks */
  constructor(hooks) {
    this.hooks = hooks;
    this.items = [];
    this.known = false;
    this.state = "connecting";
    this.socket = new Socket(BASE + "socket");
    this.socket.onOpen(() => this.#setState("joining"));
    this.socket.onClose(() => this.#setState("disconnected"));
  }

  /** @param {string[]} products products whose stock this page shows */
  open(products) {
    // Evaluated at every join, so that a reconnection sends the current cart.
    this.channel = this.socket.channel(`cart:${cartId()}`, () => ({
      serialized: read(CART_KEY) ?? undefined,
      page: location.pathname.slice(BASE.length - 1),
    }));
    this.channel.on("cart", (cart) => this.#update(cart));
    this.channel.onError(() => this.socket.isConnected() && this.#setState("joining"));
    this.channel
      .join()
      .receive("ok", () => this.#setState("live"))
      .receive("error", () => this.#setState("rejected"));
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
    this.#update(await this.#push(event, payload));
  }

  #push(event, payload) {
    return new Promise((resolve, reject) => {
      this.channel
        .push(event, payload)
        .receive("ok", resolve)
        .receive("error", (response) => reject(Object.assign(new Error(response.reason ?? "rejected"), { response })))
        .receive("timeout", () => reject(new Error("the shop did not answer")));
    });
  }

  #update({ items, serialized }) {
    this.items = items;
    this.known = true;
    write(CART_KEY, serialized);
    this.hooks.changed();
  }

  #setState(state) {
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

// Without storage the cart lasts as long as the page.
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
