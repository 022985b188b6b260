// Parses a diagram from standard input with Mermaid's own parser, and prints its type.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<!doctype html><body></body>");
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import("mermaid");
const { diagramType } = await mermaid.parse(readFileSync(0, "utf8"));
console.log(diagramType);
