// Measures promptfoo on CASES (argv[2]): its `eval` command with a local JS provider and an `equals` assertion.
// Writes its JSON and HTML reports and its own database into the folder argv[3]; $PROMPTFOO holds its node_modules.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const [cases, out] = process.argv.slice(2).map((path) => resolve(path));
const home = join(process.env.PROMPTFOO, "node_modules/promptfoo");
const config = join(dirname(fileURLToPath(import.meta.url)), "promptfooconfig.mjs");
mkdirSync(out, { recursive: true });
const env = {
  ...process.env,
  CASES: cases,
  PROMPTFOO_CONFIG_DIR: join(out, "home"),
  PROMPTFOO_DISABLE_TELEMETRY: "1",
  PROMPTFOO_DISABLE_UPDATE: "1",
  PROMPTFOO_DISABLE_REMOTE_GENERATION: "1",
  PROMPTFOO_FAILED_TEST_EXIT_CODE: "0",
};
const files = ["report.json", "report.html"].map((name) => join(out, name));
const args = ["eval", "-c", config, "--no-cache", "--no-share", "--no-table", "--no-progress-bar", "-o", ...files];
execFileSync(process.execPath, [join(home, "dist/src/entrypoint.js"), ...args], { env, cwd: out, stdio: ["ignore", 2, 2] });

const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
const { successes, failures, errors } = JSON.parse(readFileSync(files[0], "utf8")).results.stats;
const n = successes + failures + errors;
console.log(JSON.stringify({ peer: "promptfoo", version, cases: n, accuracy: successes / n }));
