// Lighthouse on some pages of a service, on a phone and on a desktop. Prints a line of JSON for each.

import lighthouse, { desktopConfig } from "lighthouse";
import puppeteer from "puppeteer-core";

const { url, chromium, email, password, pages } = JSON.parse(process.argv[2]);
const CONFIGS = { phone: undefined, desktop: desktopConfig };
const CATEGORIES = ["performance", "accessibility", "best-practices"];

async function inBrowser(work) {
  const browser = await puppeteer.launch({ executablePath: chromium, args: ["--no-sandbox"] });
  try {
    return await work(await browser.newPage());
  } finally {
    await browser.close();
  }
}

async function signIn(page) {
  await page.goto(`${url}/start`);
  await page.type("input[type=email]", email);
  await page.type("input[type=password]", password);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  return page.cookies();
}

async function audit(page, look, { path, isPublic }, cookies) {
  await page.setCookie(...(isPublic ? [] : cookies));
  const onlyCategories = isPublic ? [...CATEGORIES, "seo"] : CATEGORIES;
  // The browser is new: nothing is stored in it but who is signed in.
  const flags = { onlyCategories, disableStorageReset: true, logLevel: "error" };
  const { lhr } = await lighthouse(url + path, flags, CONFIGS[look], page);
  if (lhr.runtimeError) throw new Error(lhr.runtimeError.message);
  if (lhr.finalDisplayedUrl !== url + path) throw new Error(`${path} led to ${lhr.finalDisplayedUrl}`);
  const categories = Object.values(lhr.categories);
  const audits = categories.flatMap(({ auditRefs }) => auditRefs.filter(({ weight }) => weight)).map(({ id }) => lhr.audits[id]);
  const lost = audits.filter(({ score }) => score !== null && score < 1);
  return {
    look,
    path,
    scores: Object.fromEntries(categories.map(({ id, score }) => [id, Math.round(100 * score)])),
    lost: Object.fromEntries(lost.map(({ id, displayValue, title }) => [id, displayValue || title])),
  };
}

const cookies = await inBrowser(signIn);
for (const page of pages)
  for (const look of Object.keys(CONFIGS))
    console.log(JSON.stringify(await inBrowser((tab) => audit(tab, look, page, cookies))));
