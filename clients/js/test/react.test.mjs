import assert from "node:assert/strict";
import { test } from "node:test";
import { JSDOM } from "jsdom";
import { tabStore } from "../dist/index.js";

const { window } = new JSDOM("<main></main>");
Object.assign(globalThis, { window, document: window.document, IS_REACT_ACT_ENVIRONMENT: true });
Object.defineProperty(globalThis, "navigator", { value: window.navigator, configurable: true });
const { act, createElement, StrictMode } = await import("react");
const { createRoot } = await import("react-dom/client");
const { useChannel, usePresence } = await import("../dist/react.js");

test("component joins, shows people, counts and status, and leaves when it is unmounted", async () => {
  const channels = [];
  const socket = {
    channel(topic) {
      const handlers = {};
      const push = { receive: (status, callback) => ((handlers[status] = callback), push) };
      const channel = {
        topic,
        handlers,
        left: false,
        on: (name, callback) => (handlers[name] = [...(handlers[name] ?? []), callback]),
        onError: () => {},
        onClose: () => {},
        join: () => push,
        joinRef: () => "1",
        leave: () => (channel.left = true),
      };
      channels.push(channel);
      return channel;
    },
  };
  function People() {
    const { people, counts, status } = usePresence(useChannel(socket, "room:1", { store: tabStore() }));
    return `${status}: ${counts?.count ?? people.map(({ key }) => key).join(", ")}`;
  }

  const main = window.document.querySelector("main");
  const root = createRoot(main);
  await act(() => root.render(createElement(StrictMode, null, createElement(People))));
  const channel = channels.at(-1);
  assert.equal(channels.filter(({ left }) => !left).length, 1);
  assert.equal(main.textContent, "joining: ");
  await act(() => channel.handlers.ok({ resume: "t" }));
  await act(() => channel.handlers.presence_state.forEach((handle) => handle({ ann: { metas: [{ phx_ref: "r" }] } })));
  assert.equal(main.textContent, "joined: ann");
  const emit = (name, payload) => act(() => channel.handlers[name].forEach((handle) => handle(payload)));
  await emit("presence_mode", { mode: "counts" });
  await emit("presence_counts", { count: 12, keys: 12, exact: true, at: 1_700_000_000_000, sample: {} });
  assert.equal(main.textContent, "joined: 12");
  await emit("presence_mode", { mode: "members" });
  assert.equal(main.textContent, "joined: ann");
  await act(() => root.unmount());
  assert.ok(channel.left);
});
