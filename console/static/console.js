// Live pages: replaces fragments that the server renders, updates relative times, and shows when the connection is
// lost and how old the figures are. The pages also work without scripts.
(() => {
  "use strict";
  const words = document.body.dataset;
  const line = document.getElementById("line");
  const say = (text, n) => text.replace("{n}", n);

  const span = (seconds) => {
    const n = Math.round(seconds);
    if (n < 60) return words.spanS.replace("{s}", n);
    if (n < 3600) return words.spanM.replace("{m}", Math.floor(n / 60)).replace("{s}", n % 60);
    return words.spanH.replace("{h}", Math.floor(n / 3600)).replace("{m}", Math.floor((n % 3600) / 60));
  };

  let skew = 0; // the server's clock minus ours, ms
  const relative = (moment, past) => {
    const seconds = Math.trunc((Date.now() + skew - moment) / 1000);
    const side = seconds < 0 ? "Ahead" : past === "for" ? "For" : "Ago";
    const n = Math.abs(seconds);
    if (n >= 172800) return say(words["days" + side], Math.round(n / 86400));
    if (n >= 5400) return say(words["hours" + side], Math.round(n / 3600));
    if (n >= 60) return say(words["minutes" + side], Math.round(n / 60));
    return side === "Ago" ? words.justNow : words.soon;
  };
  const tick = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = relative(Date.parse(time.dateTime), time.dataset.ago);
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(tick, 15000);

  // Clocks since a first report, updated every second.
  const two = (n) => String(n).padStart(2, "0");
  const elapsed = (moment) => {
    const n = Math.max(0, Math.floor((Date.now() + skew - moment) / 1000));
    if (n < 3600) return `${two(Math.floor(n / 60))}:${two(n % 60)}`;
    if (n < 172800) return words.clockH.replace("{h}", Math.floor(n / 3600)).replace("{m}", two(Math.floor((n % 3600) / 60)));
    return say(words.daysFor, Math.floor(n / 86400));
  };
  const run = () => {
    for (const time of document.querySelectorAll("time[data-clock]")) {
      const text = elapsed(Date.parse(time.dateTime));
      if (time.textContent !== text) time.textContent = text;
    }
  };
  setInterval(run, 1000);

  // The number of reports that are ticked to be split off, and of those that would remain.
  for (const form of document.querySelectorAll("form[data-picked]")) {
    const count = () => {
      const boxes = form.querySelectorAll("input[type=checkbox]");
      const ticked = [...boxes].filter((box) => box.checked).length;
      const told = form.querySelector(".picked");
      told.hidden = !ticked;
      told.textContent = form.dataset.picked.replace("{n}", ticked).replace("{left}", Number(form.dataset.reports) - ticked);
    };
    form.addEventListener("change", count);
    count();
  }

  // Submitting twice is idempotent; disabling the button only shows that the first click was received.
  for (const form of document.querySelectorAll("form[method=post]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) return event.preventDefault();
      form.dataset.sent = "1";
      for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
      setTimeout(() => delete form.dataset.sent, 8000);
      return undefined;
    });
  }
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  });
  for (const select of document.querySelectorAll("select[data-go]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }

  if (!words.live) return;
  let heard = Date.now();
  let away = false;
  const known = new Set();
  const later = new Map(); // while text in it is selected or a box ticked a fragment waits: nothing is torn away
  const swap = (event) => {
    const { id, html } = JSON.parse(event.data);
    const place = document.getElementById(id);
    if (place) later.set(id, html);
    flush();
  };
  const flush = () => {
    const selection = document.getSelection();
    for (const [id, html] of later) {
      const place = document.getElementById(id);
      if (!selection.isCollapsed && place.contains(selection.anchorNode)) continue;
      if (place.querySelector("input:checked")) continue;
      later.delete(id);
      put(place, html);
    }
  };
  const put = (place, html) => {
    const open = [...place.querySelectorAll("details[id]")].map((x) => [x.id, x.open]);
    const focused = place.contains(document.activeElement) ? document.activeElement : null;
    const again = focused && (focused.id ? "#" + CSS.escape(focused.id) : focused.getAttribute("href") && `a[href="${CSS.escape(focused.getAttribute("href"))}"]`);
    place.innerHTML = html;
    for (const [id, was] of open) document.getElementById(id)?.toggleAttribute("open", was);
    if (again) place.querySelector(again)?.focus({ preventScroll: true });
    if (known.has(place.id)) {
      place.classList.remove("fresh");
      void place.offsetWidth;
      place.classList.add("fresh");
    }
    known.add(place.id);
    tick();
    run();
  };

  let source;
  const connect = () => {
    source = new EventSource(words.live);
    source.addEventListener("fragment", swap);
    source.addEventListener("beat", (event) => {
      heard = Date.now();
      skew = Number(event.data) - heard;
      away = false;
      flush();
      watch();
    });
    source.addEventListener("away", () => { away = true; watch(); });
    source.addEventListener("gone", () => { source.close(); location.reload(); });
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) setTimeout(connect, 5000);
    };
  };
  const watch = () => {
    const age = (Date.now() - heard) / 1000;
    line.hidden = age < 8;
    if (!line.hidden) line.textContent = (away ? words.lineAway : words.lineOff).replace("{s}", span(age));
  };
  setInterval(watch, 1000);
  connect();
  window.addEventListener("pagehide", () => source.close());
})();
