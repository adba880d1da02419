// Waiting for what a client sees, and saying what did not hold. Runs in a browser too.

export const PATIENCE = 15_000;

/** Conditions that are looked at again whenever any client has seen anything, and now and then for what tells nobody. */
const waiting = new Set();

export const now = () => performance.now();

/** Resolves with the milliseconds until `condition` held; fails, naming `what`, when it does not in time. */
export function until(what, condition, patience = PATIENCE) {
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
      reject(new Error(`did not happen within ${patience} ms: ${what}`));
    }, patience);
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
