/** Words for numbers and times, apart from the page so that they can be read (and tested) alone. */

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** How long ago, coarsely: nobody needs the seconds of an hour. */
export function ago(since, now) {
  const seconds = Math.max(0, Math.round((now - since) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : plural(Math.floor(hours / 24), "day");
}

export const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

/** Up to two letters or digits for a face: of the first two words, or the first two of the only one. */
export function initials(key) {
  const words = key.match(/[\p{L}\p{N}]+/gu) ?? [];
  const from = words.length > 1 ? [...words[0]].slice(0, 1).concat([...words[1]].slice(0, 1)) : [...(words[0] ?? "·")].slice(0, 2);
  return from.join("").toUpperCase();
}

/** One of eight hues, the same for a key on every page. */
export function hue(key) {
  let hash = 0;
  for (const character of key) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return hash % 8;
}
