// Checks the Helm chart: lints it, renders it, checks the objects as those of the manifests, and that with the values of
// the chart they are those of k8s. Usage: node validate-chart.mjs FOLDER [--pinned] [arguments for helm template]
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { parseAllDocuments } from "yaml";
import { tool } from "./tools.mjs";

const folder = dirname(fileURLToPath(import.meta.url));
const [chart, ...others] = process.argv.slice(2);
const pinned = others.includes("--pinned");
const values = others.filter((argument) => argument !== "--pinned");
const [helm, kubectl] = [tool("helm"), tool("kubectl")];
if (helm === null || kubectl === null) {
  console.error("helm or kubectl is not here: the chart was not checked");
  process.exit(2);
}

const run = (program, ...args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const temporary = mkdtempSync(join(tmpdir(), "presence-chart-"));
try {
  run(helm, "lint", "--strict", chart, ...values);
  const rendered = join(temporary, "rendered.yaml");
  writeFileSync(rendered, run(helm, "template", "presence", chart, "--namespace", "presence", ...values));
  const options = ["--rendered", rendered, ...(pinned ? ["--pinned"] : [])];
  process.stdout.write(run(process.execPath, join(folder, "validate.mjs"), ...options));
  if (values.length === 0) {
    compare(objectsOf(readFileSync(rendered, "utf8")), manifests());
  }
} catch (error) {
  console.error([error.stdout, error.stderr || error.message].join("\n").trim());
  process.exitCode = 1;
} finally {
  rmSync(temporary, { recursive: true });
}

function objectsOf(text) {
  return parseAllDocuments(text).map((document) => document.toJS()).filter((object) => object !== null);
}

/** Returns the manifests as kustomize renders them. The chart leaves the namespace to helm. */
function manifests() {
  const objects = objectsOf(run(kubectl, "kustomize", join(folder, "k8s")));
  objects.forEach(({ metadata }) => delete metadata.namespace);
  return objects.filter(({ kind }) => kind !== "Namespace");
}

function compare(ofChart, ofManifests) {
  const byName = (objects) => new Map(objects.map((object) => [`${object.kind} ${object.metadata.name}`, object]));
  const [chartObjects, others] = [byName(ofChart), byName(ofManifests)];
  for (const name of new Set([...chartObjects.keys(), ...others.keys()])) {
    const object = chartObjects.get(name);
    delete object?.metadata.labels;
    if (!isDeepStrictEqual(object, others.get(name))) {
      throw new Error(`${name} differs between the chart and deploy/k8s`);
    }
  }
  console.log(`${chartObjects.size} objects as in deploy/k8s`);
}
