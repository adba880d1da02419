// The promises to the stock client, under Node.js.
import WebSocket from "ws";
import { scenario } from "./client.mjs";
import { runAll } from "./stock-client.mjs";

globalThis.WebSocket = WebSocket;
scenario((...bases) => runAll(bases, "node"));
