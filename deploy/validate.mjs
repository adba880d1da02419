// Checks the manifests against the schemas of Kubernetes' own API description (package kubernetes-models), and that what names
// something in another object names something that is there. Usage: node validate.mjs [folder], by default k8s.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";

const folder = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "k8s"));
const problems = [];
const read = (file) => readFileSync(join(folder, file), "utf8");

const objects = parse(read("kustomization.yaml")).resources.flatMap((file) =>
  parseAllDocuments(read(file), { strict: true, uniqueKeys: true }).map((document) => {
    document.errors.forEach((error) => problems.push(`${file}: ${error.message}`));
    return { file, value: document.toJS() };
  }),
);
const named = ({ file, value }) => `${file}: ${value.kind} ${value.metadata?.name}`;
const ofKind = (...kinds) => objects.filter(({ value }) => kinds.includes(value.kind));
const demand = (holds, object, what) => holds || problems.push(`${named(object)}: ${what}`);

for (const object of objects) {
  const { apiVersion, kind } = object.value;
  const asked = new Map();
  try {
    const models = await import(`kubernetes-models/${apiVersion}`);
    models[kind].prototype.validate.call(watched(object.value, "", asked));
  } catch (error) {
    demand(false, object, explain(error));
    continue;
  }
  for (const [path, value, keys] of asked.values()) {
    const unknown = Array.isArray(value) ? [] : Object.keys(value).filter((key) => !keys.has(key));
    unknown.forEach((key) => demand(false, object, `${path}/${key} is no field`));
  }
}

// The schemas allow fields they do not name, which a cluster would refuse or drop. A check of an object asks for each field it
// names: what it never asks for has no place there.
function watched(value, path, asked) {
  if (value === null || typeof value !== "object") {
    return value;
  }
  if (!asked.has(value)) {
    asked.set(value, [path, value, new Set()]);
  }
  return new Proxy(value, {
    get(target, key) {
      asked.get(target)[2].add(key);
      return typeof key === "string" && Object.hasOwn(target, key) ? watched(target[key], `${path}/${key}`, asked) : target[key];
    },
  });
}

function explain(error) {
  return error.errors?.map((e) => `${e.instancePath || "/"} ${e.message} ${JSON.stringify(e.params)}`).join("; ") ?? error.message;
}

const matches = (labels, selector) => Object.entries(selector).every(([key, value]) => labels?.[key] === value);
const workloads = ofKind("Deployment", "StatefulSet");
const exists = (kind, name) => ofKind(kind).some(({ value }) => value.metadata.name === name);

for (const workload of workloads) {
  const { selector, template } = workload.value.spec;
  demand(matches(template.metadata.labels, selector.matchLabels), workload, "the selector does not match the pods it makes");
  const account = template.spec.serviceAccountName;
  demand(!account || exists("ServiceAccount", account), workload, `there is no ServiceAccount ${account}`);
  for (const container of template.spec.containers) {
    const ports = new Set(container.ports?.flatMap((port) => [port.name, port.containerPort]));
    for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) {
      const port = container[probe]?.httpGet?.port;
      demand(port === undefined || ports.has(port), workload, `${probe} asks port ${port}, which ${container.name} does not have`);
    }
    const volumes = new Set([...(template.spec.volumes ?? []), ...(workload.value.spec.volumeClaimTemplates ?? [])].map((v) => v.name ?? v.metadata.name));
    container.volumeMounts?.forEach((mount) => demand(volumes.has(mount.name), workload, `there is no volume ${mount.name}`));
  }
}

for (const one of ofKind("Service", "PodDisruptionBudget")) {
  const selector = one.value.spec.selector.matchLabels ?? one.value.spec.selector;
  const pods = workloads.map(({ value }) => value.spec.template).filter((template) => matches(template.metadata.labels, selector));
  demand(pods.length > 0, one, "selects no pods");
  for (const port of one.value.spec.ports ?? []) {
    const target = port.targetPort ?? port.port;
    const has = pods.some((pod) => pod.spec.containers.some((c) => c.ports?.some((p) => p.name === target || p.containerPort === target)));
    demand(has, one, `leads to port ${target}, which its pods do not have`);
  }
}

for (const binding of ofKind("RoleBinding")) {
  const { roleRef, subjects } = binding.value;
  demand(exists(roleRef.kind, roleRef.name), binding, `there is no ${roleRef.kind} ${roleRef.name}`);
  subjects.forEach((s) => demand(exists(s.kind, s.name), binding, `there is no ${s.kind} ${s.name}`));
}

problems.forEach((problem) => console.error(problem));
console.log(`${objects.length} objects checked, ${problems.length} problems`);
process.exitCode = problems.length === 0 && objects.length > 0 ? 0 : 1;
