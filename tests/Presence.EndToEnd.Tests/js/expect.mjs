// Waits for conditions and reports failures. Also runs in browsers.

export const TIMEOUT = 15_000;

/** Conditions that are checked after every message of any client, and periodically. */
const waiting = new Set();

export const now = () => performance.now();

/** Resolves with the milliseconds until `condition` is true; rejects with `what` after the timeout. */
export function until(what, condition, timeout = TIMEOUT) {
  const begun = now();
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!condition()) return;
      clearTimeout(timer);
      clearInterval(glance);
      waiting.delete(look);
      resolve(now() - begun);
    };
    const glance = setInterval(look, 25);
    const timer = setTimeout(() => {
      clearInterval(glance);
      waiting.delete(look);
      reject(new Error(`did not happen within ${timeout} ms: ${what}`));
    }, timeout);
    waiting.add(look);
    look();
  });
}

export function seen() {
  for (const look of [...waiting]) look();
}

export function assert(holds, what) {
  if (!holds) throw new Error(`does not hold: ${what}`);
}

export function assertEqual(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

export function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** The answer of a push: the response if ok, an error otherwise. */
export function answer(push) {
  return new Promise((resolve, reject) => {
    push
      .receive("ok", resolve)
      .receive("error", (response) => reject(Object.assign(new Error(JSON.stringify(response)), { response })))
      .receive("timeout", () => reject(new Error("no answer")));
  });
}
