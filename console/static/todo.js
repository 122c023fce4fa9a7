// /todo on an unreliable connection: taps are queued in localStorage and retried under the same id until the server
// has them (idempotent); the list shows them as done at once. The page also works without scripts, with plain forms.
(() => {
  "use strict";
  const root = document.getElementById("todo");
  if (!root) return;
  const words = { ...root.dataset };
  const net = document.getElementById("todo-net");
  const said = document.getElementById("todo-said");
  const STORE = `fenghuo.taps.${words.person}`;
  const POLL_MS = 5000, IDLE_MS = 15000, ANSWER_MS = 10000, LONGEST_WAIT_MS = 30000, SETTLES_MS = 120000;
  let skew = Number(words.now) - Date.now();

  // The queue, oldest first: { id, taps, names, undo, already, taken }; taken: when the server confirmed it, or 0.
  let memory = [];
  let stores = true;
  const queue = () => {
    if (!stores) return memory;
    try {
      memory = JSON.parse(localStorage.getItem(STORE)) || [];
    } catch {
      stores = false;
    }
    return memory;
  };
  const keep = (presses) => {
    memory = presses;
    try {
      if (stores) localStorage.setItem(STORE, JSON.stringify(presses));
    } catch {
      stores = false;
    }
  };
  const keyOf = (tap) => [tap.alert_id, tap.version, tap.kind, tap.group_id].join("|");
  const newId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((x) => x.toString(16).padStart(2, "0")).join("");
  const within = (ms) => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), ms);
    return stop.signal;
  };
  const unsent = () => queue().filter((x) => !x.taken);

  const press = (taps, names, more = {}) => {
    if (!taps.length) return;
    const at = Math.round(Date.now() + skew);
    for (let n = 0; n < taps.length; n += 500) {
      const part = taps.slice(n, n + 500).map((tap) => ({ ...tap, tapped_at_ms: at }));
      keep([...queue(), { id: newId(), taps: part, names, undo: false, already: false, ...more, taken: 0 }]);
    }
    said.replaceChildren();
    document.getSelection()?.removeAllRanges();
    paint();
    send();
  };

  // Sending: one request at a time, in order, with backoff; at once when the phone is online again.
  let sending = false, failures = 0, timer = 0, stuck = "";
  const send = async () => {
    clearTimeout(timer);
    if (sending) return;
    const next = unsent()[0];
    if (!next) return tell();
    sending = true;
    let answer = null;
    try {
      const body = JSON.stringify({ press_id: next.id, taps: next.taps, undo: next.undo, already: next.already });
      const headers = { "content-type": "application/json", "x-csrftoken": words.csrf };
      answer = await fetch("/api/taps", { method: "POST", body, headers, redirect: "error", signal: within(ANSWER_MS) });
      await settle(next, answer);
    } catch {
      stuck = "kept";
    }
    sending = false;
    if (stuck) {
      failures += 1;
      const wait = Math.min(LONGEST_WAIT_MS, 1000 * 2 ** Math.min(failures - 1, 5)) * (0.75 + Math.random() / 2);
      timer = setTimeout(send, wait);
    } else {
      failures = 0;
      setTimeout(poll, 300);
      timer = setTimeout(send, 0);
    }
    return tell();
  };
  const settle = async (entry, answer) => {
    stuck = { 401: "login", 403: "" }[answer.status] ?? (answer.status >= 500 || answer.status === 429 ? "busy" : "");
    if (stuck) return;
    const told = await answer.json().catch(() => null);
    if (!told && answer.status === 403) {
      stuck = "oldPage";
      return;
    }
    const refused = (told && told.refused) || [];
    const noted = new Set(refused.filter((x) => x.why !== "done").map((x) => x.group_id));
    const lost = !told || told.error;
    const left = lost ? [] : entry.taps.filter((tap) => !noted.has(tap.group_id));
    keep(queue().flatMap((x) => (x.id !== entry.id ? [x] : left.length ? [{ ...x, taps: left, taken: Date.now() }] : [])));
    if (lost) say(words.lost);
    for (const why of new Set(refused.filter((x) => noted.has(x.group_id)).map((x) => x.why))) {
      const of = refused.filter((x) => x.why === why);
      const groups = new Set(of.map((x) => x.group_id));
      const names = of.map((x) => entry.names[x.group_id] || x.group_id).join("、");
      const again = entry.taps.filter((tap) => groups.has(tap.group_id));
      const sentBefore = ["recalled", "replaced", "expired"].includes(why);
      say(`${names}：${of[0].say}`, sentBefore && (() => press(again, entry.names, { already: true })));
    }
    paint();
  };
  window.addEventListener("online", () => { failures = 0; send(); poll(); });
  window.addEventListener("offline", () => { if (unsent().length) { stuck = "kept"; tell(); } });

  // Messages: what failed, and what is safe on the phone.
  let polled = 0;
  const tell = () => {
    const groups = unsent().reduce((sum, x) => sum + x.taps.length, 0);
    const text = groups && stuck ? words[stuck] + words.keptCount.replace("{n}", groups) : polled > 2 ? words.stale : "";
    net.hidden = !text;
    if (net.dataset.text === text) return;
    net.dataset.text = text;
    net.textContent = text;
    if (text && stuck === "login") net.append(" ", link("/login?next=/todo", words.loginGo));
    if (text && stuck === "oldPage") net.append(" ", link("/todo", words.reload));
  };
  const link = (href, text) => Object.assign(document.createElement("a"), { href, textContent: text });
  const say = (text, already) => {
    const toast = document.createElement("div");
    toast.className = "toast tone-amber";
    toast.setAttribute("role", "alert");
    toast.append(Object.assign(document.createElement("p"), { textContent: text }));
    if (already) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: words.alreadyOne });
      button.addEventListener("click", () => { toast.remove(); already(); });
      toast.append(button);
    }
    said.append(toast);
    toast.scrollIntoView({ block: "nearest" });
  };

  // Rendering: the server's list without the taps of the queue that the server has not counted yet.
  let html = root.innerHTML;
  const copied = new Set(), whole = new Set();
  const paint = () => {
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && root.contains(selection.anchorNode)) return;
    const ticked = [...root.querySelectorAll("input:checked")].map((x) => x.closest("[data-key]")?.dataset.key + x.value);
    const open = new Map([...root.querySelectorAll("details[id]")].map((x) => [x.id, x.open]));
    const focused = root.contains(document.activeElement) ? document.activeElement : null;
    const at = focused && [focused.closest("[data-key]")?.dataset.key, focused.value, focused.className];
    root.innerHTML = html;
    for (const box of root.querySelectorAll("input[type=checkbox]")) {
      box.checked = ticked.includes(box.closest("[data-key]")?.dataset.key + box.value);
    }
    for (const [id, was] of open) document.getElementById(id)?.toggleAttribute("open", was);
    cover();
    for (const card of root.querySelectorAll("[data-key]")) dress(card);
    if (at) [...root.querySelectorAll("button,input")].find((x) => x.value === at[1] && x.className === at[2] && x.closest("[data-key]")?.dataset.key === at[0])?.focus({ preventScroll: true });
    tell();
  };
  const cover = () => {
    const rows = new Map([...root.querySelectorAll("[data-group]")].map((x) => [`${x.closest("[data-key]").dataset.key}|${x.dataset.group}`, x]));
    const dones = new Map([...root.querySelectorAll("[data-done]")].map((x) => [x.dataset.done, x]));
    const counted = (entry, key) => (entry.undo ? rows.has(key) && !dones.has(key) : dones.has(key));
    keep(queue().flatMap((x) => {
      if (!x.taken) return [x];
      const taps = Date.now() - x.taken > SETTLES_MS ? [] : x.taps.filter((tap) => !counted(x, keyOf(tap)));
      return taps.length ? [{ ...x, taps }] : [];
    }));
    const now = new Map(); // each group's last press
    for (const entry of queue()) for (const tap of entry.taps) now.set(keyOf(tap), { tap, entry });
    const local = root.querySelector("#todo-local");
    for (const [key, { tap, entry }] of now) {
      const row = rows.get(key), done = dones.get(key);
      if (entry.undo) {
        done?.querySelector("form")?.remove();
      } else if (!done) {
        row?.closest("form").querySelector(`input[name=shown][value="${CSS.escape(tap.group_id)}"]`)?.remove();
        row?.remove();
        local.querySelector("ul").append(pending(tap, entry));
        local.hidden = false;
      }
    }
    const lead = root.querySelector(".todo-lead");
    for (const card of root.querySelectorAll(".todo")) card.hidden = !card.querySelector("[data-group]");
    lead.hidden = !local.hidden;
    const count = document.querySelector(".nav .count");
    const left = root.querySelectorAll(".todo input[name=shown]").length;
    if (count) count.textContent = left;
    if (count) count.hidden = !left;
  };
  const pending = (tap, entry) => {
    const row = Object.assign(document.createElement("li"), { className: "item tap" });
    row.append(Object.assign(document.createElement("span"), { className: "pick-text", textContent: entry.names[tap.group_id] || tap.group_id }));
    const undo = Object.assign(document.createElement("button"), { type: "button", textContent: words.undo });
    undo.setAttribute("aria-label", `${words.undo}：${entry.names[tap.group_id] || ""}`);
    undo.addEventListener("click", () => press([tap], entry.names, { undo: true }));
    row.append(undo);
    return row;
  };
  const dress = (card) => {
    const form = card.querySelector("form.taps");
    const all = form.querySelector(".all");
    const shown = form.querySelectorAll("input[name=shown]").length;
    if (all) {
      all.textContent = all.dataset.label.replace("{n}", shown);
      all.hidden = shown < 1;
    }
    const ticked = form.querySelectorAll(".items input:checked").length;
    form.querySelector(".ticked").textContent = ticked ? ` (${ticked})` : "";
    const key = card.dataset.key;
    const copy = card.querySelector(".copy");
    copy.hidden = false;
    card.classList.toggle("copied", copied.has(key));
    if (copied.has(key)) copy.textContent = words.copied;
    const bubble = card.querySelector(".bubble"), more = card.querySelector(".whole");
    bubble.classList.toggle("short", !whole.has(key));
    more.hidden = whole.has(key);
  };

  // The buttons.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form.taps") || !root.contains(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const [what, group] = (event.submitter?.value || "").split(/:(.*)/s);
    const valueOf = (name) => form.elements[name].value;
    const release = { alert_id: valueOf("alert_id"), version: Number(valueOf("version")), kind: valueOf("kind") };
    const values = (selector) => [...form.querySelectorAll(selector)].map((x) => x.value);
    const groups = {
      all: () => values("input[name=shown]"),
      some: () => values("input[name=group]:checked"),
      already: () => values("input[name=shown]:checked, input[type=hidden][name=shown]"),
    }[what]?.() ?? [group];
    const names = {};
    for (const id of groups) {
      const row = form.querySelector(`[data-group="${CSS.escape(id)}"]`) || form.closest("li, article");
      names[id] = row?.dataset.name || row?.querySelector(".pick-text")?.firstChild?.textContent || id;
    }
    press(groups.filter(Boolean).map((id) => ({ ...release, group_id: id })), names, { undo: what === "undo", already: what === "already" });
  }, true);
  root.addEventListener("change", (event) => { const card = event.target.closest("[data-key]"); if (card) dress(card); });
  root.addEventListener("click", async (event) => {
    const card = event.target.closest("[data-key]");
    if (event.target.closest(".whole")) {
      whole.add(card.dataset.key);
      dress(card);
    } else if (event.target.closest(".copy")) {
      const right = await copyText(card.querySelector(".bubble").textContent);
      card.querySelector(".copy-failed").hidden = right;
      if (right) copied.add(card.dataset.key);
      else whole.add(card.dataset.key);
      dress(card);
    }
  });
  const copyText = async (text) => {
    try {
      await navigator.clipboard.writeText(text); // only behind HTTPS
      return true;
    } catch {
      const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
      area.className = "sr";
      document.body.append(area);
      area.select();
      const right = document.execCommand("copy");
      area.remove();
      return right;
    }
  };

  // Polling the list.
  let tag = "", asking = false, next = 0;
  const poll = async () => {
    if (asking || document.hidden) return;
    asking = true;
    clearTimeout(next);
    try {
      const headers = { "x-csrftoken": words.csrf, ...(tag && { "if-none-match": tag }) };
      const answer = await fetch("/api/todo/part", { headers, redirect: "error", cache: "no-store", signal: within(ANSWER_MS) });
      if (answer.status === 401) location.assign("/login?next=/todo");
      if (!answer.ok && answer.status !== 304) throw new Error(String(answer.status));
      skew = Number(answer.headers.get("x-now")) - Date.now();
      polled = 0;
      if (answer.ok) {
        html = await answer.text();
        tag = answer.headers.get("etag");
      }
      if (answer.ok || queue().length) paint();
    } catch {
      polled += 1;
    }
    asking = false;
    next = setTimeout(poll, (root.querySelector(".card") ? POLL_MS : IDLE_MS) * (0.9 + Math.random() / 5));
    tell();
  };
  next = setTimeout(poll, POLL_MS);
  document.addEventListener("visibilitychange", poll);

  paint();
  send();
})();
