// Measures one document by the browser's own PerformanceObservers. Runs before any script of the page.
// Definitions: web.dev/articles/{ttfb,fcp,lcp,cls,inp,tbt,tti}; CLS by session windows, INP as the 98th percentile.
(() => {
  if (window !== window.top || window.__plimsoll) return;
  const state = {
    lcp: null, lcpElement: "", lcpSize: 0, shifts: [], longTasks: [], interactions: new Map(),
    errors: 0, hidden: document.visibilityState === "hidden", input: false, clicked: null, resources: [], requests: 0,
  };
  // Kept from the page, which may put others in their place.
  const { stringify } = JSON, now = performance.now.bind(performance), MOST = 1000;
  const { setTimeout, requestAnimationFrame } = window;
  const observers = [];
  const watch = (type, each, more) => {
    try {
      const observer = new PerformanceObserver((list) => list.getEntries().forEach(each));
      observer.observe({ type, buffered: true, ...more });
      observers.push([observer, each]);
    } catch { /* a type that this browser does not know is not measured */ }
  };
  const name = (node) => {
    if (!node) return "";
    const id = node.id ? "#" + node.id : "";
    const kind = typeof node.className === "string" && node.className ? "." + node.className.trim().split(/\s+/)[0] : "";
    return node.nodeName.toLowerCase() + id + kind;
  };
  // The largest paint counts until the first input: after it, what is painted is an answer.
  watch("largest-contentful-paint", (entry) => {
    if (state.input) return;
    state.lcp = entry.startTime; state.lcpElement = name(entry.element); state.lcpSize = entry.size;
  });
  watch("layout-shift", (entry) => { if (!entry.hadRecentInput) state.shifts.push([entry.startTime, entry.value]); });
  // The browser's own list is short, and a page may clear it.
  watch("resource", (entry) => {
    state.requests += 1;
    if (state.resources.length < MOST) state.resources.push(entry);
  });
  watch("longtask", (entry) => state.longTasks.push([entry.startTime, entry.duration]));
  const interaction = (entry) => {
    if (!entry.interactionId && entry.entryType !== "first-input") return;
    const known = state.interactions.get(entry.interactionId) || 0;
    state.interactions.set(entry.interactionId, Math.max(known, entry.duration));
  };
  watch("event", interaction, { durationThreshold: 40 });
  watch("first-input", interaction);
  for (const type of ["keydown", "click"]) {
    addEventListener(type, (event) => {
      if (!event.isTrusted) return;
      state.input = true;
      if (type === "click") state.clicked = event.timeStamp;
    }, true);
  }
  addEventListener("error", (event) => { if (event instanceof ErrorEvent) state.errors += 1; }, true);
  addEventListener("unhandledrejection", () => { state.errors += 1; });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden") state.hidden = true; });

  // Shifts less than 1 s apart and within 5 s make a window; the worst window is the page's score.
  const layoutShift = () => {
    let worst = 0, sum = 0, first = 0, last = 0;
    for (const [at, value] of state.shifts) {
      if (sum && at - last < 1000 && at - first < 5000) { sum += value; } else { sum = value; first = at; }
      last = at; worst = Math.max(worst, sum);
    }
    return worst;
  };
  const interactionToNextPaint = () => {
    const longest = [...state.interactions.values()].sort((a, b) => b - a);
    if (!longest.length) return null;
    const all = performance.interactionCount || longest.length;
    return longest[Math.min(longest.length - 1, Math.floor(all / 50))];
  };
  // The end of the last long task before 5 s in which there is none and at most two requests are under way.
  const timeToInteractive = (fcp, resources, now) => {
    if (fcp === null) return null;
    const ends = [fcp, ...state.longTasks.map(([at, took]) => at + took).filter((end) => end > fcp)];
    for (const end of ends) {
      if (end + 5000 > now) return null;
      const quiet = !state.longTasks.some(([at, took]) => at < end + 5000 && at + took > end);
      if (quiet) {
        let from = end;
        // Requests may end later than the last long task: the window then begins where they are done.
        const edges = [end, ...resources.map((r) => r[1]).filter((edge) => edge > end)].sort((a, b) => a - b);
        for (const edge of edges) { if (!busyWithin(edge, edge + 5000, resources)) { from = edge; break; } }
        if (from + 5000 > now) return null;
        if (!state.longTasks.some(([at, took]) => at < from + 5000 && at + took > from)) return end;
      }
    }
    return null;
  };
  const busyWithin = (from, to, resources) => {
    const moments = [from, ...resources.map((r) => r[0]).filter((at) => at > from && at < to)];
    return moments.some((at) => resources.filter((r) => r[0] <= at && r[1] > at).length > 2);
  };
  const blocked = (resources) => {
    const failed = resources.filter((r) => r.responseStatus === 0 && r.transferSize === 0 && r.decodedBodySize === 0);
    const hosts = failed.map((r) => { try { return new URL(r.name).host; } catch { return ""; } });
    return [...new Set(hosts)].filter((host) => host && host !== location.host).slice(0, 20);
  };
  // A click that leads to another page takes this one's figures along: they go out by a binding as it is left.
  addEventListener("pagehide", () => { if (window.__plimsollLeft) window.__plimsollLeft(tell() || ""); });
  // Old libraries give lists a JSON form of their own, which no other reader understands.
  const text = (figures) => {
    const own = Object.getOwnPropertyDescriptor(Array.prototype, "toJSON");
    if (own) delete Array.prototype.toJSON;
    try { return stringify(figures); } finally { if (own) Object.defineProperty(Array.prototype, "toJSON", own); }
  };
  const takeRecords = () => observers.forEach(([observer, each]) => observer.takeRecords().forEach(each));
  // The part of a picture that is seen, in square pixels, as LCP counts it; what fills the window is a background.
  const seen = (image) => {
    const box = image.getBoundingClientRect();
    const side = (from, to, most) => Math.max(0, Math.min(to, most) - Math.max(from, 0));
    const area = side(box.left, box.right, innerWidth) * side(box.top, box.bottom, innerHeight);
    const shown = image.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true;
    if (!shown || area >= 0.99 * innerWidth * innerHeight) return 0;
    return Math.min(area, image.naturalWidth * image.naturalHeight);
  };
  // What has come is painted a frame later, and told later still: waits for it, for a second at most, where a picture has
  // come that is larger than what is known to be painted.
  const painted = () => new Promise((resolve) => {
    const end = now() + 1000;
    const again = () => {
      takeRecords();
      const waits = !state.input && [...document.images].some((image) => image.complete && seen(image) > 1.1 * state.lcpSize);
      if (!waits || now() >= end) resolve(); else setTimeout(again, 16);
    };
    // Frames of a page in the background never come.
    let begun = false;
    const begin = () => { if (!begun) { begun = true; again(); } };
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(begin)));
    setTimeout(begin, 250);
  });
  const tell = () => {
    const navigation = performance.getEntriesByType("navigation")[0];
    if (!navigation || navigation.responseStart === 0) return null;
    // What has been seen and not been handed out yet.
    takeRecords();
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    const entries = state.resources;
    const passed = now();
    const fcp = paint ? paint.startTime : null;
    const spans = entries.map((r) => [r.startTime, r.responseEnd || passed]);
    const blocking = entries.filter((r) => r.renderBlockingStatus === "blocking").map((r) => r.responseEnd);
    const tti = timeToInteractive(fcp, spans, passed);
    const until = tti === null ? passed : tti;
    const tbt = fcp === null ? null : state.longTasks.reduce((sum, [at, took]) => {
      const from = Math.max(at, fcp), to = Math.min(at + took, until);
      return at + took > fcp && at < until ? sum + Math.max(0, to - from - 50) : sum;
    }, 0);
    // Queries and fragments may hold secrets, and are not told.
    const path = (name) => {
      try {
        const u = new URL(name);
        if (!u.protocol.startsWith("http")) return u.protocol;
        return ((u.host === location.host ? "" : u.host) + u.pathname).slice(0, 300);
      } catch { return ""; }
    };
    const told = entries.map((r) => [r.startTime, r.requestStart, r.responseStart, r.responseEnd, r.initiatorType, path(r.name)]);
    return text({
      status: navigation.responseStatus || 0,
      ttfb: navigation.responseStart, request_start: navigation.requestStart, fcp, lcp: state.lcp, lcp_element: state.lcpElement.slice(0, 80),
      cls: layoutShift(), inp: interactionToNextPaint(), tbt, tti,
      dcl: navigation.domContentLoadedEventEnd || null, load: navigation.loadEventEnd || null,
      blocking_end: Math.max(navigation.responseEnd, ...blocking),
      bytes: navigation.transferSize + entries.reduce((sum, r) => sum + r.transferSize, 0),
      requests: 1 + state.requests, errors: state.errors, hidden: state.hidden, blocked: blocked(entries),
      resources: told.slice(0, 60),
    });
  };
  Object.defineProperty(window, "__plimsoll", { value: tell });
  Object.defineProperty(window, "__plimsollPainted", { value: painted });
  // When the last click was, for what it leads to within this document.
  Object.defineProperty(window, "__plimsollClicked", { value: () => state.clicked });
})();
