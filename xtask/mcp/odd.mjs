// A server over standard input and output that does what the reference servers never do, by MCP's own library:
// node odd.mjs
// Its list of tools has pages of two and grows; it answers with errors of the protocol; it stays silent, and dies.

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError } from "@modelcontextprotocol/sdk/types.js";

const PAGE = 2;
let lists = 0;
let cancelled = 0;

const server = new Server({ name: "odd", version: "1.0.0" }, { capabilities: { tools: { listChanged: true } } });
const text = (text, more) => ({ content: [{ type: "text", text }], ...more });
const nothing = { type: "object" };
const tools = new Map();
const add = (name, inputSchema, run, more) => tools.set(name, { listed: { name, inputSchema, ...more }, run });
const changed = () => server.notification({ method: "notifications/tools/list_changed" });

add("grow", { type: "object", properties: { name: { type: "string" } }, required: ["name"] }, async ({ name }) => {
  add(name, nothing, () => text(`I am ${name}.`), { description: "A tool that was added later." });
  await changed();
  return text(`There is now ${name}.`);
}, { description: "Adds a tool of that name." });
add("shrink", { type: "object", properties: { name: { type: "string" } }, required: ["name"] }, async ({ name }) => {
  tools.delete(name);
  await changed();
  return text(`There is no ${name} any more.`);
}, { description: "Removes the tool of that name." });
add("flood", { type: "object", properties: { times: { type: "integer" } }, required: ["times"] }, async ({ times }) => {
  for (let time = 0; time < times; time++) await changed();
  return text("Done.");
}, { description: "Says so many times that the list has changed." });
add("lists", nothing, () => text(String(lists)), { description: "How often the list was asked for." });
add("huge", { type: "object", properties: { bytes: { type: "integer" } }, required: ["bytes"] }, ({ bytes }) => text("x".repeat(bytes)), { description: "Answers with so many bytes." });
add("fail", nothing, () => text("It did not work.", { isError: true }), { description: "Fails as a tool does." });
add("refuse", nothing, () => { throw new McpError(ErrorCode.InternalError, "it broke"); }, { description: "Fails as the protocol does." });
add("silent", nothing, (_, signal) => new Promise(() => signal.addEventListener("abort", () => cancelled++)), { description: "Never answers." });
add("cancelled", nothing, () => text(String(cancelled)), { description: "How many calls were cancelled." });
add("babble", nothing, () => { process.stdout.write("this is no message\n\n{\"half\": \n"); return text("Sorry."); }, { description: "Prints to standard output what is no message, and then answers." });
add("crash", nothing, () => process.exit(3), { description: "Ends the server, without an answer." });
add("empty", nothing, () => ({ content: [] }));
// No description, no properties, and a name that few providers take.
add("odd.name/with spaces", nothing, () => text("odd"));

server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
  const start = Number(params?.cursor ?? 0);
  if (!Number.isInteger(start)) throw new McpError(ErrorCode.InvalidParams, "no such cursor");
  if (start === 0) lists++;
  const listed = [...tools.values()].map(tool => tool.listed);
  const end = start + PAGE;
  return { tools: listed.slice(start, end), ...(end < listed.length ? { nextCursor: String(end) } : {}) };
});

server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal }) => {
  const tool = tools.get(params.name);
  if (!tool) throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
  return tool.run(params.arguments ?? {}, signal);
});

await server.connect(new StdioServerTransport());
