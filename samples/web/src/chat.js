import "./chat.css";
import { Presence, Socket } from "phoenix";
import { hue, initials, plural, showMoment } from "./wording.js";

const MESSAGES_SHOWN = 200;
const TYPING_ENDS_AFTER = 3000;
const at = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const name = query.get("name")?.trim() ?? "";
const room = query.get("room")?.trim() ?? "";

if (name === "" || room === "") {
  at("sign-in").hidden = false;
} else {
  start();
}

function start() {
  document.title = `${room} · chat`;
  at("room-title").textContent = room;
  at("chat").hidden = false;
  at("connection").hidden = false;

  const socket = new Socket("/chat");
  const kept = `chat:${room}:${name}`;
  const channel = socket.channel(`chat:${room}`, () => ({ name, resume: sessionStorage.getItem(kept) }));
  const presence = new Presence(channel);
  presence.onSync(() => showPeople(presence));
  channel.on("message", showMessage);
  channel.onError(() => connection("bad", "Disconnected"));
  channel.on("presence_superseded", () => {
    sessionStorage.removeItem(kept);
    connection("bad", "Continued in another tab");
  });
  socket.onOpen(() => connection("wait", "Joining"));
  socket.connect();
  channel
    .join()
    .receive("ok", ({ resume }) => {
      // A reload within ten seconds continues the session, and nobody sees a leave and a join.
      sessionStorage.setItem(kept, resume);
      connection("good", "Live");
    })
    .receive("error", ({ reason }) => {
      channel.leave();
      socket.disconnect();
      rejected(reason);
    });
  setUpComposer(channel);
}

function connection(mood, words) {
  at("connection").dataset.mood = mood;
  at("connection").textContent = words;
  at("send").disabled = mood !== "good";
}

function rejected(reason) {
  at("chat").hidden = true;
  at("connection").hidden = true;
  at("sign-in").hidden = false;
  at("name").value = name;
  at("room").value = room;
  at("notice").hidden = false;
  at("notice").textContent = `You could not join: ${reason}.`;
}

function showPeople(presence) {
  const known = new Map([...at("people").children].map((row) => [row.dataset.key, row]));
  const rows = presence.list((key, { metas }) => {
    const row = known.get(key) ?? person(key);
    row.querySelector(".facts").hidden = !metas.some((meta) => meta.typing);
    return row;
  });
  // Rows that stay are not moved, so that what is selected stays.
  for (const row of known.values()) if (!rows.includes(row)) row.remove();
  rows.forEach((row, i) => {
    const place = at("people").children[i] ?? null;
    if (place !== row) at("people").insertBefore(row, place);
  });
  const title = `${plural(rows.length, "person", "people")} in this room`;
  if (at("people-title").textContent !== title) at("people-title").textContent = title;
}

function person(key) {
  const row = at("person").content.firstElementChild.cloneNode(true);
  row.dataset.key = key;
  const face = row.querySelector(".face");
  face.textContent = initials(key);
  face.dataset.hue = hue(key);
  row.querySelector(".key").textContent = key;
  row.querySelector(".badge").hidden = key !== name;
  return row;
}

function showMessage(message) {
  const item = at("message").content.firstElementChild.cloneNode(true);
  item.querySelector("b").textContent = message.name;
  showMoment(item.querySelector("time"), message.at);
  item.querySelector("p").textContent = message.text;
  const log = at("messages");
  const follows = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(item);
  while (log.childElementCount > MESSAGES_SHOWN) log.firstElementChild.remove();
  if (follows) log.scrollTop = log.scrollHeight;
}

function setUpComposer(channel) {
  const text = at("text");
  let typing = false;
  let pause;
  const setTyping = (value) => {
    clearTimeout(pause);
    if (value) pause = setTimeout(() => setTyping(false), TYPING_ENDS_AFTER);
    if (value !== typing && channel.state === "joined") {
      typing = value;
      channel.push("typing", { typing });
    }
  };
  // A channel that joins again is present as not typing.
  channel.onError(() => (typing = false));
  text.addEventListener("input", () => setTyping(text.value !== ""));
  at("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    const failed = (reason) => (at("sent").textContent = `Not sent: ${reason}.`);
    channel
      .push("message", { text: text.value })
      .receive("ok", () => {
        text.value = "";
        at("sent").textContent = "";
        setTyping(false);
      })
      .receive("error", ({ reason }) => failed(reason))
      .receive("timeout", () => failed("the server did not answer"));
  });
}
