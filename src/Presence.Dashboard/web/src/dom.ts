/** Helpers for the markup of the pages. */

export function at<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`#${id} is missing from the page`);
  return element as T;
}

/** Writes only differences, so that screen readers and selections are not disturbed. */
export function set(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  text = "",
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export function draw(tag: string, attributes: Record<string, string | number>, text = ""): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  if (text) element.textContent = text;
  return element;
}

export const number = (n: number): string => n.toLocaleString("en");

/** "1 presence", "2 presences". */
export const counted = (n: number, thing: string): string => `${number(n)} ${thing}${n === 1 ? "" : "s"}`;

export const memory = (bytes: number): string => `${number(Math.round(bytes / 1024 / 1024))} MB`;

// The one format of times: 2026-11-28 15:04:05 UTC, in the zone of the browser.
const times = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

export const time = (ms: number): string => times.format(ms);

/**
 * Shows one element for each part and keeps those whose content is the same: what is selected or has the focus stays.
 * @param parts an id, unique in the list, all that the element shows, and how to make it
 */
export function keep(list: Element, parts: { id: string; content: string; make(): HTMLElement }[]): void {
  const present = new Map([...list.children].map((element) => [(element as HTMLElement).dataset.id, element as HTMLElement]));
  const kept = new Set<Element>();
  for (const { id, content } of parts) {
    const old = present.get(id);
    if (old?.dataset.content === content) kept.add(old);
  }
  for (const element of [...list.children]) if (!kept.has(element)) element.remove();
  let next: Element | null = list.firstElementChild;
  for (const { id, content, make } of parts) {
    const old = present.get(id);
    if (old && old === next) {
      next = next.nextElementSibling;
      continue;
    }
    const element = old && kept.has(old) ? old : make();
    element.dataset.id = id;
    element.dataset.content = content;
    list.insertBefore(element, next);
  }
}

/** A duration that may be shorter than a millisecond. */
export const precise = (ms: number): string =>
  ms < 10 ? `${ms.toLocaleString("en", { maximumFractionDigits: 2 })} ms` : duration(ms);

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  const hours = Math.floor(ms / 3_600_000);
  return hours < 48 ? `${hours} h ${Math.floor((ms % 3_600_000) / 60_000)} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
