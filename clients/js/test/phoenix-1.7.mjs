// node --import ./test/phoenix-1.7.mjs: what imports "phoenix" gets version 1.7.
import { register } from "node:module";

register(`data:text/javascript,${encodeURIComponent(`
  export const resolve = (name, context, next) => next(name === "phoenix" ? "phoenix-1.7" : name, context);
`)}`, import.meta.url);
