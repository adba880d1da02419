/** The token of this tab, which is not kept longer than the tab. */

const KEY = "presence.admin";

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
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Storage is not permitted, so it is empty.
  }
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
  if (body.refused) return body.refused;
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
  try {
    sessionStorage.setItem(KEY, JSON.stringify(ticket));
  } catch {
    // Storage is not permitted; a reload asks for the password again.
  }
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
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  } catch {
    return null;
  }
}
