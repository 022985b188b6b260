// The router that promptfoo evaluates: the first label that occurs in the input, else "other".
// It takes its labels from the file $CASES.
import { readFileSync } from "node:fs";

const rows = readFileSync(process.env.CASES, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const labels = [...new Set(rows.map((row) => row.label))].sort();

export default class Router {
  id() {
    return "router";
  }

  async callApi(prompt) {
    const text = prompt.toLowerCase();
    return { output: labels.find((label) => text.includes(label)) ?? "other" };
  }
}
