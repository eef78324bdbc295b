// How much work a page makes for a browser's main thread, told in a way that no other program on the
// machine changes: time of the processor alone, in units of a fixed piece of work that the same page
// does right after.

/** About 25 ms on the machine where it was chosen. */
function unit() {
  const rows = Array.from({ length: 9_000 }, (_, index) => ({ id: `row ${(index * 7919) % 9001}`, index }));
  const back = JSON.parse(JSON.stringify(rows)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const box = document.createElement("div");
  for (const { id } of back.slice(0, 3_000)) {
    const part = document.createElement("span");
    part.textContent = `${id} `;
    box.append(part);
  }
  document.body.append(box);
  const { height } = box.getBoundingClientRect();
  box.remove();
  return height;
}

/** Processor time of one unit in this page, seconds: the least of several, for the first ones warm up. */
async function unitSeconds(page, session) {
  const spent = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find((metric) => metric.name === "TaskDuration").value;
  };
  let least = Infinity;
  for (let times = 0; times < 6; times += 1) {
    const before = await spent();
    await page.evaluate(unit);
    least = Math.min(least, (await spent()) - before);
  }
  return least;
}

/** Processor time of each task of the busiest page, seconds. */
function tasks(trace) {
  const events = JSON.parse(trace).traceEvents;
  const place = ({ pid, tid }) => `${pid}/${tid}`;
  const mains = new Set(events.filter((one) => one.name === "thread_name" && one.args.name === "CrRendererMain").map(place));
  const of = new Map();
  for (const one of events) {
    if (one.ph !== "X" || !one.name.endsWith("RunTask") || one.tdur === undefined || !mains.has(place(one))) continue;
    of.set(place(one), [...(of.get(place(one)) ?? []), one.tdur / 1e6]);
  }
  const sum = (all) => all.reduce((total, one) => total + one, 0);
  return [...of.values()].sort((a, b) => sum(b) - sum(a))[0] ?? [];
}

/**
 * What `load` makes the page do, in units: all of it, its longest task, and by how much tasks were
 * longer than one unit together, in which nothing that a person does is answered.
 */
export async function measured(browser, page, session, load) {
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  await browser.startTracing(page, { categories: ["toplevel", "disabled-by-default-devtools.timeline"] });
  await load();
  const all = tasks((await browser.stopTracing()).toString());
  const one = await unitSeconds(page, session);
  const sum = all.reduce((total, task) => total + task, 0);
  const blocked = all.reduce((total, task) => total + Math.max(0, task - one), 0);
  return { unitMs: one * 1000, whole: sum / one, longest: Math.max(0, ...all) / one, blocked: blocked / one };
}
