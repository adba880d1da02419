// Checks the manifests against the schemas of Kubernetes' own API description (package kubernetes-models), and that what names
// something in another object names something that is there. Usage: node validate.mjs [folder | --rendered FILE] [--pinned],
// by default the folder k8s; with --pinned every image must have a digest.
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";

const isRendered = process.argv[2] === "--rendered";
const isPinned = process.argv.includes("--pinned");
const folder = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "k8s"));
const problems = [];
const read = (file) => readFileSync(isRendered ? process.argv[3] : join(folder, file), "utf8");

const kustomization = isRendered ? { resources: ["rendered"] } : parse(read("kustomization.yaml"));
const objects = kustomization.resources.flatMap((file) =>
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

// Which image runs is said in one place, by a tag or by a digest.
const images = new Map((kustomization.images ?? []).map((image) => [image.name, image]));
for (const workload of workloads) {
  const { containers, initContainers = [] } = workload.value.spec.template.spec;
  for (const { name, image } of [...containers, ...initContainers]) {
    if (isRendered) {
      const digest = /@(.*)$/.exec(image)?.[1];
      demand(digest === undefined || /^sha256:[0-9a-f]{64}$/.test(digest), workload, `image ${image} of ${name} has a malformed digest`);
      demand(digest !== undefined || (!isPinned && /:(?!latest$)[^/:]+$/.test(image)), workload, `image ${image} of ${name} is not pinned`);
      continue;
    }
    demand(images.has(image.replace(/(@|:[^/]*$).*/, "")), workload, `image ${image} of ${name} is not in kustomization.yaml`);
  }
}
for (const { name, newName, newTag, digest } of images.values()) {
  const entry = { file: "kustomization.yaml", value: { kind: "image", metadata: { name } } };
  demand(digest === undefined || /^sha256:[0-9a-f]{64}$/.test(digest), entry, `digest ${digest} is not sha256: and 64 hexadecimal digits`);
  demand(!/[@:][^/]*$/.test(newName ?? ""), entry, `newName ${newName} has a tag or digest, which belongs into newTag or digest`);
  demand(digest !== undefined || (!isPinned && newTag && newTag !== "latest"), entry, "is not pinned to a digest");
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

// Each workload is restricted in what it may do, and in whom it may talk to; what a policy allows exists.
const policies = ofKind("NetworkPolicy");
const selected = (selector) => workloads.filter(({ value }) => matches(value.spec.template.metadata.labels, selector?.matchLabels ?? {}));
for (const namespace of ofKind("Namespace")) {
  demand(namespace.value.metadata.labels?.["pod-security.kubernetes.io/enforce"] === "restricted", namespace, "does not enforce restricted pods");
}
for (const workload of workloads) {
  const { spec, metadata } = workload.value.spec.template;
  demand(spec.securityContext?.runAsNonRoot === true, workload, "may run as root");
  demand(spec.securityContext?.seccompProfile?.type === "RuntimeDefault", workload, "has no seccomp profile");
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    const context = container.securityContext ?? {};
    demand(context.allowPrivilegeEscalation === false, workload, `${container.name} may gain privileges`);
    demand(context.capabilities?.drop?.includes("ALL") && !context.capabilities.add, workload, `${container.name} keeps capabilities`);
    demand(container.resources?.limits?.memory, workload, `${container.name} has no memory limit`);
    for (const { name, value, valueFrom } of container.env ?? []) {
      demand(!/password|key|connection/i.test(name) || valueFrom?.secretKeyRef, workload, `${name} is '${value}' and not from a secret`);
    }
  }
  const own = policies.filter(({ value }) => Object.keys(value.spec.podSelector).length > 0 && matches(metadata.labels, value.spec.podSelector.matchLabels));
  demand(own.length > 0, workload, "no NetworkPolicy says who may connect");
}
const isDefault = ({ value: { spec } }) => Object.keys(spec.podSelector).length === 0 && !spec.ingress && !spec.egress && spec.policyTypes.length === 2;
demand(policies.some(isDefault), { file: "kustomization.yaml", value: { kind: "NetworkPolicy" } }, "none denies everything by default");
for (const policy of policies) {
  const { podSelector, ingress = [], egress = [] } = policy.value.spec;
  const pods = selected(podSelector);
  demand(pods.length > 0, policy, "selects no pods");
  const has = (workload, port) => workload.value.spec.template.spec.containers.some((c) => c.ports?.some((p) => p.name === port || p.containerPort === port));
  for (const { ports = [] } of ingress) {
    ports.forEach(({ port }) => demand(pods.some((pod) => has(pod, port)), policy, `allows port ${port}, which its pods do not have`));
  }
  for (const { to = [], ports = [] } of egress) {
    const targets = to.filter((t) => t.podSelector && !t.namespaceSelector).flatMap((t) => selected(t.podSelector));
    const isOwn = to.some((t) => t.podSelector && !t.namespaceSelector);
    ports.forEach(({ port }) => demand(!isOwn || targets.some((pod) => has(pod, port)), policy, `leads to port ${port}, which no pod has`));
  }
}
for (const role of ofKind("Role")) {
  for (const { resources, verbs } of role.value.rules) {
    const more = verbs.filter((verb) => !["get", "list", "watch"].includes(verb));
    demand(more.length === 0 && resources.every((r) => r === "pods"), role, `allows ${verbs} of ${resources}`);
  }
}

for (const binding of ofKind("RoleBinding")) {
  const { roleRef, subjects } = binding.value;
  demand(exists(roleRef.kind, roleRef.name), binding, `there is no ${roleRef.kind} ${roleRef.name}`);
  subjects.forEach((s) => demand(exists(s.kind, s.name), binding, `there is no ${s.kind} ${s.name}`));
  // kustomize adds it.
  subjects.forEach((s) => demand(!isRendered || s.namespace, binding, `${s.kind} ${s.name} has no namespace`));
}

problems.forEach((problem) => console.error(problem));
console.log(`${objects.length} objects checked, ${problems.length} problems`);
process.exitCode = problems.length === 0 && objects.length > 0 ? 0 : 1;
