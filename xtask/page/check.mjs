// Drives a report page in Chromium: node check.mjs PAGE.html [SCREENSHOT_FOLDER]
// The page must hold at least two cases, one of them answered, whose confidences differ.

import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [file, screenshots] = process.argv.slice(2);
if (!file) {
  console.error("usage: node check.mjs PAGE.html [SCREENSHOT_FOLDER]");
  process.exit(2);
}
const address = pathToFileURL(resolve(file)).href;
const ROWS_SHOWN = 100;
const MOST_TABS = 600;
const SLOWEST_MS = 1000;

let failures = 0;

/** Runs one check and prints its line. A check fails by throwing; what it returns is printed. */
async function check(name, run) {
  try {
    const found = await run();
    console.log(`ok    ${name}${found ? `: ${found}` : ""}`);
  } catch (error) {
    failures += 1;
    console.log(`FAIL  ${name}: ${error.message.split("\n")[0]}`);
  }
}

function must(condition, message) {
  if (!condition) throw new Error(message);
}

function same(found, expected, what) {
  must(found === expected, `${what} is ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

const complaints = [];
const strangers = [];

/** A fresh page: every request but the file itself is refused and remembered. */
async function open(options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.route("**/*", route => {
    const url = route.request().url();
    if (url === address || url.startsWith("data:")) return route.continue();
    strangers.push(url);
    return route.abort();
  });
  const page = await context.newPage();
  page.on("request", request => {
    const url = request.url();
    if (url !== address && !url.startsWith("data:")) strangers.push(url);
  });
  page.on("console", message => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", error => complaints.push(error.message));
  page.on("dialog", dialog => {
    complaints.push(`a dialog opened: ${dialog.message()}`);
    return dialog.dismiss();
  });
  await page.goto(address);
  return page;
}

const countOf = text => Number(/^[\d,]+/.exec(text)?.[0].replaceAll(",", ""));
const rows = page => page.locator("#cases table.cases > tbody > tr.case");
const announced = async page => countOf(await page.locator("#count").innerText());

/** Sees that the list, its count and `expected` agree. */
async function mustList(page, expected) {
  same(await announced(page), expected, "the announced count");
  same(await rows(page).count(), Math.min(expected, ROWS_SHOWN), "the number of rows");
}

// ---------------------------------------------------------------- what the data says, worked out here again

function scoreAt(data, threshold) {
  const { cases } = data;
  const fallback = data.default ?? -1;
  const abstains = got => got === -1 || got === data.default;
  let n = 0, right = 0, answered = 0;
  cases.got.forEach((got, index) => {
    if (got === -2) return;
    const given = cases.confidence[index] < threshold ? fallback : got;
    const expected = cases.expected[index];
    n += 1;
    right += Number(expected.length === 0 ? abstains(given) : expected.includes(given));
    answered += Number(!abstains(given));
  });
  return { accuracy: (right / n).toFixed(3), coverage: (answered / n).toFixed(3) };
}

const shownScore = async page => ({
  accuracy: await page.locator("#now-accuracy").innerText(),
  coverage: await page.locator("#now-coverage").innerText(),
});

async function mustScore(page, data, threshold) {
  const shown = await shownScore(page), expected = scoreAt(data, threshold);
  same(shown.accuracy, expected.accuracy, `accuracy at ${threshold}`);
  same(shown.coverage, expected.coverage, `coverage at ${threshold}`);
  return shown;
}

// ---------------------------------------------------------------- keyboard

const focused = page => page.evaluate(() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const kind = node.matches("a.skip") ? "skip link"
    : node.id === "filter" ? "filter"
      : node.id === "cut" ? "slider"
        : node.closest(".matrix td") ? "cell"
          : node.closest("tr.case") ? "row"
            : node.closest("thead") ? "sort button"
              : node.id === "theme" ? "theme" : null;
  return { kind, ring, atEnd: node === document.body };
});

/** Presses Tab until the focus is on a `kind` of control, and sees that the focus shows. */
async function tabTo(page, kind) {
  for (let presses = 1; presses <= MOST_TABS; presses += 1) {
    await page.keyboard.press("Tab");
    const now = await focused(page);
    must(!now.atEnd || presses === 1, `Tab left the page before the ${kind}`);
    if (now.kind !== kind) continue;
    must(now.ring, `the focused ${kind} shows no ring`);
    return presses;
  }
  throw new Error(`${MOST_TABS} Tabs did not reach the ${kind}`);
}

// ---------------------------------------------------------------- contrast

/** The lowest contrast of visible text with what is painted behind it, as WCAG reckons it. */
const lowestContrast = page => page.evaluate(() => {
  const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const parse = colour => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, under) => [0, 1, 2].map(at => top[at] * top[3] + under[at] * (1 - top[3])).concat(1);
  const background = node => {
    const own = parse(getComputedStyle(node).backgroundColor);
    if (own[3] === 1) return own;
    return over(own, node.parentElement ? background(node.parentElement) : [255, 255, 255, 1]);
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(value => value / 255).map(value => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const isText = node => node.nodeType === Node.TEXT_NODE && node.data.trim() !== "";
  let lowest = { ratio: 21, text: "", body: contrast(parse(getComputedStyle(document.body).color), background(document.body)) };
  for (const node of document.body.querySelectorAll("*")) {
    if (node.closest("script, style, title, desc") || ![...node.childNodes].some(isText) || !node.checkVisibility()) continue;
    const style = getComputedStyle(node);
    const under = background(node.closest("svg")?.parentElement ?? node);
    const ink = over(parse(node.closest("svg") ? style.fill : style.color), under);
    const ratio = contrast(ink, under);
    if (ratio < lowest.ratio) lowest = { ...lowest, ratio, text: node.textContent.trim().slice(0, 40) };
  }
  return lowest;
});

async function mustContrast(page) {
  const { ratio, text, body } = await lowestContrast(page);
  must(body >= 4.5, `body text has ${body.toFixed(2)}:1`);
  must(ratio >= 4.5, `${JSON.stringify(text)} has ${ratio.toFixed(2)}:1`);
  return `body ${body.toFixed(1)}:1, lowest ${ratio.toFixed(1)}:1`;
}

const CONTROLS = new Set(["button", "link", "searchbox", "textbox", "combobox", "slider", "checkbox",
  "DisclosureTriangle", "region", "img", "navigation", "table"]);

/** Names as the browser gives them to assistive technology. */
async function mustBeNamed(page) {
  const session = await page.context().newCDPSession(page);
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const controls = nodes.filter(node => !node.ignored && CONTROLS.has(node.role?.value));
  const nameless = controls.filter(node => !node.name?.value?.trim());
  must(controls.length > 20, `only ${controls.length} controls were found`);
  must(nameless.length === 0, `${nameless.length} have none, the first is a ${nameless[0]?.role.value}`);
  return `${controls.length} elements`;
}

const background = page => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

// ---------------------------------------------------------------- the checks

async function checkStructure(page, data) {
  await check("the verdict is shown", async () => {
    const shown = page.locator("#ruling");
    must(await shown.isVisible(), "it cannot be seen");
    must((await shown.innerText()).toLowerCase().includes(data.verdict), `it reads ${await shown.innerText()}`);
    must((await page.title()).includes(data.verdict), "the title lacks it");
    same(await page.locator("#verdict tbody tr").count(), data.judgements.length, "the number of judgements");
  });
  await check("the report draws fast", async () => {
    const took = await page.evaluate(() => performance.getEntriesByName("report")[0]?.duration);
    must(took < SLOWEST_MS, `it took ${took} ms`);
    return `${took.toFixed(0)} ms for ${data.cases.id.length} cases`;
  });
  await check("headings, landmarks and ids are in order", async () => {
    const found = await page.evaluate(() => ({
      levels: [...document.querySelectorAll("h1, h2, h3, h4")].map(node => Number(node.tagName[1])),
      mains: document.querySelectorAll("main").length,
      navs: document.querySelectorAll("nav").length,
      dead: [...document.querySelectorAll("a[href^='#']")].filter(link => !document.getElementById(link.hash.slice(1))).length,
      twice: [...document.querySelectorAll("[id]")].map(node => node.id).filter((id, at, ids) => ids.indexOf(id) !== at),
    }));
    same(found.levels.filter(level => level === 1).length, 1, "the number of h1");
    must(found.levels.every((level, at) => at === 0 ? level === 1 : level <= found.levels[at - 1] + 1), "a heading level is skipped");
    same(found.mains, 1, "the number of main landmarks");
    same(found.navs, 1, "the number of nav landmarks");
    same(found.dead, 0, "the number of dead links");
    must(found.twice.length === 0, `the id ${found.twice[0]} stands twice`);
  });
  await check("data stays text", async () => {
    const found = await page.evaluate(() => ({
      scripts: document.scripts.length,
      made: document.querySelectorAll("main :is(script, img, iframe, object, embed, style, link)").length,
      policy: document.querySelector("meta[http-equiv='Content-Security-Policy']")?.content ?? "",
    }));
    same(found.scripts, 2, "the number of scripts");
    same(found.made, 0, "the number of elements that data made");
    must(found.policy.includes("default-src 'none'"), "the content security policy is missing");
  });
  await check("every control has a name", () => mustBeNamed(page));
}

async function checkFilter(page, data) {
  const total = data.cases.id.length;
  const filter = page.locator("#filter");
  await check("the filter narrows the cases and announces how many", async () => {
    await mustList(page, total);
    const live = await page.locator("#count").evaluate(node => node.getAttribute("aria-live"));
    same(live, "polite", "aria-live");
    const id = data.cases.id.at(-1);
    const wanted = id.toLowerCase();
    const holds = index => [data.cases.id[index], data.cases.input[index], data.errors?.[index] ?? ""].join("\n").toLowerCase().includes(wanted);
    const expected = data.cases.id.filter((_, index) => holds(index)).length;
    must(expected < total, "the sample's last id is in every case");
    await filter.fill(id);
    await mustList(page, expected);
    await filter.fill("no case says this \u2603");
    await mustList(page, 0);
    await filter.fill("");
    await mustList(page, total);
    return `${total} to ${expected} to 0`;
  });
  await check("the outcome filter narrows the cases", async () => {
    await page.locator("#by-outcome").selectOption("wrong");
    await mustList(page, data.cases.right.filter((right, index) => right === 0 && data.cases.got[index] !== -2).length);
    await page.locator("#by-outcome").selectOption("any");
    await mustList(page, total);
  });
  if (total > ROWS_SHOWN) {
    await check("the cases are paged", async () => {
      const first = await rows(page).first().innerText();
      await page.locator("#next").click();
      must(await rows(page).first().innerText() !== first, "the next page starts like the first");
      await page.locator("#previous").click();
      same(await rows(page).first().innerText(), first, "the first row");
    });
  }
}

async function checkCells(page) {
  await check("a confusion cell lists its cases", async () => {
    const cells = page.locator(".matrix td button");
    const many = await cells.count();
    must(many > 0, "there is no cell");
    const tried = [...new Set([0, Math.floor(many / 2), many - 1])];
    for (const at of tried) {
      const cell = cells.nth(at);
      const expected = countOf(await cell.innerText());
      must((await cell.getAttribute("aria-label")).includes(`: ${expected.toLocaleString("en")} case`), "the name lacks the count");
      await cell.click();
      await mustList(page, expected);
      must(await page.locator("#picked").isVisible(), "nothing says that a cell is picked");
    }
    await page.locator("#picked button").click();
    return `${tried.length} of ${many} cells tried`;
  });
}

async function checkSlider(page, data) {
  await check("the threshold changes accuracy and coverage", async () => {
    await page.locator("#cut").focus();
    await page.keyboard.press("Home");
    const start = await mustScore(page, data, 0);
    const ring = () => page.locator("#here circle").evaluate(node => [node.getAttribute("cx"), node.getAttribute("cy")].join());
    const ringAtStart = await ring();
    const seen = { accuracy: new Set([start.accuracy]), coverage: new Set([start.coverage]), ring: new Set([ringAtStart]) };
    for (let step = 1; step <= 100; step += 1) {
      await page.keyboard.press("ArrowRight");
      if (step % 5 !== 0) continue;
      const shown = await mustScore(page, data, step / 100);
      seen.accuracy.add(shown.accuracy);
      seen.coverage.add(shown.coverage);
      seen.ring.add(await ring());
    }
    for (const [what, values] of Object.entries(seen)) must(values.size > 1, `${what} never changes`);
    const spoken = await page.locator("#cut").getAttribute("aria-valuetext");
    must(spoken.includes("accuracy"), `the slider says ${spoken}`);
    await page.keyboard.press("Home");
    same((await shownScore(page)).accuracy, start.accuracy, "accuracy back at the start");
    return `${seen.accuracy.size} accuracies, ${seen.coverage.size} coverages seen, each as worked out here`;
  });
}

async function checkKeyboard(page, data) {
  await check("the keyboard reaches the skip link", async () => {
    same(await tabTo(page, "skip link"), 1, "the number of Tabs");
    await page.keyboard.press("Enter");
    same(await page.evaluate(() => document.activeElement.id), "main", "where it leads");
  });
  await check("the keyboard reaches and operates a cell", async () => {
    await tabTo(page, "cell");
    const before = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    const cells = await page.locator(".matrix td button").count();
    for (const key of ["ArrowRight", "ArrowDown"]) await page.keyboard.press(key);
    const after = await page.evaluate(() => document.activeElement.getAttribute("aria-label"));
    must(cells === 1 || after !== before, "arrow keys do not move in the matrix");
    must((await focused(page)).ring, "the focused cell shows no ring");
    const expected = await page.evaluate(() => Number(document.activeElement.dataset.count));
    await page.keyboard.press("Enter");
    await mustList(page, expected);
    same(await page.evaluate(() => document.activeElement.id), "cases-name", "where the focus goes");
  });
  await check("the keyboard reaches and operates the filter", async () => {
    await page.reload();
    await tabTo(page, "slider");
    await tabTo(page, "filter");
    await page.keyboard.type("\u2603\u2603");
    await mustList(page, 0);
    await page.keyboard.press("Backspace");
    await page.keyboard.press("Backspace");
    await mustList(page, data.cases.id.length);
  });
  await check("the keyboard reaches and opens a case", async () => {
    await tabTo(page, "row");
    const isOpen = () => page.evaluate(() => document.activeElement.getAttribute("aria-expanded"));
    same(await isOpen(), "false", "aria-expanded at first");
    await page.keyboard.press("Enter");
    same(await isOpen(), "true", "aria-expanded");
    const detail = page.locator("tr.detail");
    same(await detail.count(), 1, "the number of open cases");
    same(await detail.locator(".prose").first().evaluate(node => node.textContent), data.cases.input[0], "the input in full");
    await page.keyboard.press("Space");
    same(await isOpen(), "false", "aria-expanded at last");
    same(await detail.count(), 0, "the number of open cases");
  });
  await check("the keyboard reaches and moves the slider", async () => {
    await page.reload();
    await tabTo(page, "slider");
    const before = await page.locator("#cut-value").innerText();
    await page.keyboard.press("ArrowRight");
    must(await page.locator("#cut-value").innerText() !== before, "its value stays");
  });
  if (data.metrics.per_label.length > 1) {
    await check("the keyboard sorts the labels", async () => {
      await page.reload();
      await tabTo(page, "sort button");
      await page.keyboard.press("Enter");
      same(await page.locator("#labels th[aria-sort]").innerText().then(text => text.split(/\s/)[0]), "Label", "the sorted column");
      const names = await page.locator("#labels tbody th").allInnerTexts();
      must(names.every((name, at) => at === 0 || names[at - 1].localeCompare(name) <= 0), "the names are not in order");
    });
  }
}

async function checkScheme(scheme) {
  const page = await open({ colorScheme: scheme });
  await check(`${scheme} renders, with enough contrast`, async () => {
    const ground = await background(page);
    const red = Number(/\d+/.exec(ground)[0]);
    same(red > 127 ? "light" : "dark", scheme, "the ground");
    must(await page.locator("#ruling").isVisible(), "the verdict cannot be seen");
    const found = await mustContrast(page);
    await page.locator("#theme").click();
    must(await background(page) !== ground, "the button does not change the theme");
    await mustContrast(page);
    await page.locator("#theme").click();
    same(await background(page), ground, "the ground after two presses");
    return found;
  });
  await shoot(page, `${scheme}.png`);
  await page.context().close();
}

async function checkNarrow() {
  const page = await open({ viewport: { width: 400, height: 800 } });
  await check("nothing scrolls sideways at 400 px", async () => {
    // An open case and an open table of numbers are the widest things there are.
    await rows(page).first().locator("button").click();
    for (const summary of await page.locator("summary").all()) await summary.click();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    must(wide <= 400, `the page is ${wide} px wide`);
  });
  await shoot(page, "narrow.png");
  await page.context().close();
}

async function shoot(page, name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await page.reload();
  await page.screenshot({ path: join(screenshots, name), fullPage: true });
}

async function run() {
  const page = await open({ colorScheme: "light" });
  const data = JSON.parse(await page.locator("#data").evaluate(node => node.textContent));
  await checkStructure(page, data);
  await checkFilter(page, data);
  await checkCells(page);
  await checkSlider(page, data);
  await page.reload();
  await checkKeyboard(page, data);
  await page.context().close();
  await checkScheme("light");
  await checkScheme("dark");
  await checkNarrow();
  await check("nothing is fetched", () => must(strangers.length === 0, strangers[0]));
  await check("the console is silent", () => must(complaints.length === 0, complaints[0]));
}

try {
  await run();
} catch (error) {
  failures += 1;
  console.log(`FAIL  the page could not be driven: ${error.message.split("\n")[0]}`);
} finally {
  await browser.close();
}
console.log(failures === 0 ? "all checks passed" : `${failures} failed`);
process.exit(failures === 0 ? 0 : 1);
