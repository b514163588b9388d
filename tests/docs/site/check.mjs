// Prints what two checkers of accessibility find on the pages of a site, in Chromium, a line each: node check.mjs MODULES SITE PAGE…
// The pages are read in turn in light on a desk and in dark on a telephone, since a checker sees what is shown. What takes most of the time
// of a page, and is the same on all, is done on the first in each way only: the menu of all pages. The index of the search is read by none.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, site, ...pages] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)("playwright-core");
const flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const ways = [{ colorScheme: "light", viewport: { width: 1280, height: 900 } }, { colorScheme: "dark", viewport: { width: 320, height: 900 } }];

const byAxe = async () => {
  const { violations } = await globalThis.axe.run({ resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `axe ${id}: ${html}`));
};
const byHtmlCodeSniffer = async () => {
  await new Promise((done) => globalThis.HTMLCS.process("WCAG2AA", document, done));
  const errors = globalThis.HTMLCS.getMessages().filter(({ type }) => type === globalThis.HTMLCS.ERROR);
  return errors.map(({ code, element }) => `HTML_CodeSniffer ${code}: ${element.outerHTML}`);
};
const withoutOtherPages = () => {
  for (const other of document.querySelectorAll(".md-sidebar--primary .md-nav__item:not(.md-nav__item--active)")) other.remove();
};
const checkers = [["axe-core/axe.min.js", byAxe], ["html_codesniffer/build/HTMLCS.js", byHtmlCodeSniffer]];

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
// The site's own policy lets no script in but its own.
const windows = await Promise.all(ways.map((way) => browser.newPage({ ...way, bypassCSP: true, reducedMotion: "reduce" })));
for (const page of windows) await page.route("**/search_index.json", (route) => route.abort());
for (const [number, path] of pages.entries()) {
  const page = windows[number % windows.length];
  await page.goto(site + path);
  if (number >= windows.length) await page.evaluate(withoutOtherPages);
  for (const [file, check] of checkers) {
    await page.evaluate(readFileSync(`${modules}/${file}`, "utf8"));
    for (const found of await page.evaluate(check)) console.log(path, found.replaceAll("\n", " ").slice(0, 300));
  }
}
await browser.close();
