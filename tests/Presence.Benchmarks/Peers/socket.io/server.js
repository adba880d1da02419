// A socket.io server that sends each message to all sockets. It prints its port and ends with standard input.
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { transports: ["websocket"] });
io.on("connection", socket => socket.on("message", payload => io.emit("message", payload)));
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
process.stdin.resume().on("end", () => process.exit(0));
