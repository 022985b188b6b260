// Serves MCP's reference server over streamable HTTP on loopback: node serve.mjs [PORT]
// Prints `ready http://127.0.0.1:PORT/mcp` when it answers, and ends when it is killed or its standard input closes.

import { fstatSync } from "node:fs";
import { Server } from "node:net";

// Left alone it listens to the whole network, which may then ask it for its environment; it names no free port it is
// given; and it logs every request to standard output.
const { listen } = Server.prototype;
Server.prototype.listen = function (_port, ...rest) {
  this.once("listening", () => process.stdout.write(`ready http://127.0.0.1:${this.address().port}/mcp\n`));
  return listen.call(this, Number(process.argv[2] ?? 0), "127.0.0.1", ...rest);
};
console.log = console.error;
await import("@modelcontextprotocol/server-everything/dist/transports/streamableHttp.js");

// A terminal, a file or nothing at all as standard input says nothing of whether anybody still needs this.
const input = fstatSync(0);
if (input.isFIFO() || input.isSocket()) process.stdin.on("close", () => process.exit()).resume();
