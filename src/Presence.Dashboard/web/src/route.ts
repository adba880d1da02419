/** The address of a view: #VIEW?NAME=VALUE, so that every view can be linked. */

export function route(): { view: string; params: URLSearchParams } {
  const [view = "", query = ""] = location.hash.slice(1).split("?", 2);
  return { view, params: new URLSearchParams(query) };
}

export function address(view: string, values: Record<string, string>): string {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== ""));
  return query.size > 0 ? `#${view}?${query}` : `#${view}`;
}

/** Puts what a view shows into the address, without a step in the history. */
export function remember(view: string, values: Record<string, string>): void {
  if (route().view === view) history.replaceState(null, "", address(view, values));
}
