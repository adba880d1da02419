/** The token of this tab, which is not kept longer than the tab. */

const KEY = "presence.admin";

/** The storage of this tab; where the browser does not permit it, one that ends with the page. */
export const storage = tabStorage();

export interface Ticket {
  token: string;
  expires: string;
}

let ticket: Ticket | null = null;

export function current(): Ticket | null {
  ticket ??= handed() ?? stored();
  if (ticket && Date.parse(ticket.expires) <= Date.now()) forget();
  return ticket;
}

export function forget(): void {
  ticket = null;
  storage.removeItem(KEY);
}

/** Reloads the page, which then has a reason to show: kept in its history, which needs no permission. */
export function reload(reason: string): void {
  history.replaceState({ said: reason }, "");
  location.reload();
}

/** The reason of the last reload, once; else empty. */
export function said(): string {
  const reason = (history.state as { said?: string } | null)?.said ?? "";
  if (reason) history.replaceState(null, "");
  return reason;
}

/** Null on success, else the reason to show. */
export async function signIn(user: string, password: string): Promise<string | null> {
  let answer: Response;
  try {
    answer = await fetch("admin/sign-in", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ user, password }),
      cache: "no-store",
    });
  } catch {
    return "The server cannot be reached.";
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) return body?.detail ?? `The server answered ${answer.status}.`;
  if (body.rejected) return body.rejected;
  keep(body);
  return null;
}

/** Reads the admin API with the token. */
export async function api(path: string): Promise<Response> {
  return fetch(path, { headers: { Authorization: `Bearer ${current()?.token ?? ""}` }, cache: "no-store" });
}

/** Sends JSON to the admin API with the token. */
export async function post(path: string, body: unknown): Promise<Response> {
  const headers = { Authorization: `Bearer ${current()?.token ?? ""}`, "Content-Type": "application/json" };
  return fetch(path, { method: "POST", headers, body: JSON.stringify(body), cache: "no-store" });
}

function keep(given: Ticket): void {
  ticket = { token: given.token, expires: given.expires };
  storage.setItem(KEY, JSON.stringify(ticket));
}

/** A browser that signed in with HTTP Basic gets a token in the page. */
function handed(): Ticket | null {
  const meta = document.querySelector<HTMLMetaElement>('meta[name="presence-token"]');
  if (!meta?.content) return null;
  keep({ token: meta.content, expires: meta.dataset.expires ?? "" });
  return ticket;
}

function stored(): Ticket | null {
  try {
    return JSON.parse(storage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}

function tabStorage(): Pick<Storage, "getItem" | "setItem" | "removeItem"> {
  try {
    sessionStorage.setItem(`${KEY}.permitted`, "");
    sessionStorage.removeItem(`${KEY}.permitted`);
    return sessionStorage;
  } catch {
    const kept = new Map<string, string>();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => void kept.set(key, value),
      removeItem: (key) => void kept.delete(key),
    };
  }
}
