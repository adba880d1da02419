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

// One format for every reader, that of the dashboard too: 2026-11-28 15:04:05 UTC, in the zone of the browser. The words
// of the pages are English, so the language of the browser does not decide.
const times = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
});

/** Returns the day and time of a moment, with the zone. */
export const moment = (at) => times.format(at);

/** Returns the time of a moment: 15:04, or 15:04:05. */
export const clock = (at, { seconds = false } = {}) => moment(at).slice(11, seconds ? 19 : 16);

/** Shows a moment in a time element: the time, and the whole moment as its title. */
export function showMoment(element, at, format) {
  element.textContent = clock(at, format);
  element.title = moment(at);
  element.dateTime = new Date(at).toISOString();
}

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
