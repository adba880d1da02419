/** Formats numbers and times for people. */

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** Returns the time since a moment, in the largest unit that fits. */
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

/** Returns the day and time of a moment, with the zone. */
export const moment = (at) => new Date(at).toLocaleString([], { dateStyle: "full", timeStyle: "long" });

/** Returns up to two letters or digits: one of each of the first two words, or two of a single word. */
export function initials(key) {
  const words = key.match(/[\p{L}\p{N}]+/gu) ?? [];
  const start = (word, length) => [...word].slice(0, length).join("");
  return (words.length > 1 ? start(words[0], 1) + start(words[1], 1) : start(words[0] ?? "·", 2)).toUpperCase();
}

/** Returns one of eight hues, the same for a key on every page. */
export function hue(key) {
  let hash = 0;
  for (const character of key) hash = (hash * 31 + character.codePointAt(0)) >>> 0;
  return hash % 8;
}
