// What promptfoo evaluates: the cases of the file $CASES, a local JS provider and an `equals` assertion.
// run.mjs starts its command-line tool with this configuration.
import { readFileSync } from "node:fs";

const rows = readFileSync(process.env.CASES, "utf8").trim().split("\n").map((line) => JSON.parse(line));

export default {
  description: "router",
  prompts: ["{{input}}"],
  providers: ["file://provider.mjs"],
  defaultTest: { assert: [{ type: "equals", value: "{{label}}" }] },
  tests: rows.map(({ id, input, label }) => ({ description: id, vars: { input, label } })),
};
