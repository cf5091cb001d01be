// Lets one look closer at the charts of a report: values under the pointer on all charts at once, a part of the run,
// series and steps of one's choice, the other scale; and sorts and filters the table of steps.
//
// The pictures stay in the page as they are, for print and until something is asked of a chart. What is drawn here
// has the same size and the same classes. No text of the data is ever put into the page as markup.
(async () => {
  'use strict';
  const { max, min, floor, log10 } = Math;
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, name, text) => {
    const made = document.createElement(tag);
    if (name) made.className = name;
    if (text) made.textContent = text;
    return made;
  };
  const one = (selector, root) => root.querySelector(selector);
  const on = (element, event, act) => element.addEventListener(event, act);
  const press = (button, isOn) => button.setAttribute('aria-pressed', isOn);

  // ── The table of steps ──
  const table = document.querySelector('table.sortable');
  const rows = table ? all('tbody tr:not(.sum):not(.sub)', table) : [];
  const units = { ns: 1e-9, 'µs': 1e-6, ms: 1e-3, s: 1, '%': 0.01 };
  const number = (text) => {
    const [value, unit] = text.trim().replaceAll(',', '').split(' ');
    return parseFloat(value) * (units[unit] ?? 1) || 0;
  };
  const sortBy = (column, head) => {
    const falls = head.getAttribute('aria-sort') === 'descending';
    const upwards = column ? falls : head.getAttribute('aria-sort') !== 'ascending';
    all('th', table).forEach((other) => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', upwards ? 'ascending' : 'descending');
    const text = (row) => row.cells[column].textContent;
    const order = (a, b) => (column ? number(text(a)) - number(text(b)) : text(a).localeCompare(text(b)));
    table.tBodies[0].prepend(...rows.sort((a, b) => (upwards ? order(a, b) : order(b, a))));
  };
  const filter = document.getElementById('filter');
  if (rows.length > 1) {
    all('thead th', table).forEach((head, column) => {
      const button = make('button', '', head.textContent);
      button.type = 'button';
      on(button, 'click', () => sortBy(column, head));
      head.replaceChildren(button);
    });
    const [input, told] = [one('input', filter), one('[role=status]', filter)];
    filter.hidden = rows.length < 4;
    on(input, 'input', () => {
      const wanted = input.value.toLowerCase();
      rows.forEach((row) => {
        row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
      });
      const shown = rows.filter((row) => !row.hidden).length;
      told.textContent = wanted ? `${shown} of ${rows.length}` : '';
    });
  }

  // What does not scroll is no stop on the way through the page.
  const stops = () => all('.card[tabindex]').forEach((card) => {
    card.tabIndex = card.scrollWidth > card.clientWidth ? 0 : -1;
  });
  stops();
  on(self, 'resize', stops);

  // ── The data ──
  // The page of a run that goes on has its data from there, and no pictures of its own.
  const live = await self.live?.();
  const block = document.getElementById('data');
  if (!block || !self.DecompressionStream) return;
  const bytes = () => Uint8Array.from(atob(block.textContent), (c) => c.charCodeAt(0));
  const stream = () => new Blob([bytes()]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const data = live?.data ?? JSON.parse(await new Response(stream()).text());

  // As the pictures are drawn: four units a pixel, and these margins in pixels.
  const SCALE = 4;
  const [TOP, RIGHT, BOTTOM] = [14, 18, 22];
  const sizes = { true: [540, 230, 58], false: [320, 140, 54] };
  const state = { from: 0, to: data.to, at: null, log: null, steps: new Set(), mark: null };

  const charts = all('figure[data-chart]').map((figure) => {
    const chart = data.charts[figure.dataset.chart];
    const [width, height, left] = sizes[chart.large];
    const picture = one('.picture', figure);
    const readout = make('div', 'readout');
    one('figcaption', figure).append(readout);
    const overlay = make('div', 'overlay');
    overlay.append(make('i', 'cross'), make('i', 'chosen'));
    picture.append(overlay);
    picture.tabIndex = 0;
    return {
      ...chart, figure, picture, readout, overlay, width, height, left,
      own: chart.lines, still: one('svg', picture), hidden: new Set(), drawn: null,
    };
  });
  const [load, main] = charts;
  const ofSteps = charts.filter((chart) => chart.step !== null);

  const tools = document.getElementById('tools');
  const [whole, log] = all('button', tools);
  const [summary, choices] = all('summary,.choices', tools);

  // ── Numbers ──
  const digits = (value) => value.toLocaleString('en', {
    maximumFractionDigits: max(0, min(9, 2 - floor(log10(Math.abs(value) || 1)))),
  });
  const scaled = (value, factor, [name, ...larger]) => (value < factor || !larger.length
    ? `${digits(value)}\u00a0${name}` : scaled(value / factor, factor, larger));
  const told = (value, unit) => {
    if (value === 0) return '0';
    if (unit === 'time') return scaled(value, 1e3, ['µs', 'ms', 's']);
    if (unit === 'size') return scaled(value, 1024, ['B', 'KiB', 'MiB', 'GiB']);
    if (unit === 'share') return `${digits(value * 100)}\u00a0%`;
    return digits(value) + (unit === 'rate' ? ' /s' : '');
  };
  const moment = (s) => {
    const text = new Date(s * 1000).toISOString().slice(11, 19);
    return s < 3600 ? text.slice(s < 600 ? 4 : 3) : `${floor(s / 3600)}${text.slice(2)}`;
  };
  const round = (rough) => {
    const power = 10 ** floor(log10(rough));
    return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= rough * 0.999999);
  };
  const index = (clock, at) => {
    let [low, high] = [0, clock.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (clock[middle] < at) low = middle + 1; else high = middle;
    }
    return low > 0 && at - clock[low - 1] < clock[low] - at ? low - 1 : low;
  };

  // ── Drawing ──
  const clockOf = (chart) => data.clocks[chart.clock];
  const isLog = (chart) => (chart.unit === 'time' && state.log !== null ? state.log : chart.log);
  const lines = (chart) => chart.lines.filter((line) => line.ink > 0 && !chart.hidden.has(line.label));
  const field = (chart) => ({
    x0: chart.left * SCALE, x1: (chart.width - RIGHT) * SCALE,
    y0: (chart.height - BOTTOM) * SCALE, y1: TOP * SCALE,
  });
  const isWhole = () => state.from === 0 && state.to === data.to;
  const isUnchanged = (chart) => !live && isWhole() && !chart.hidden.size
    && isLog(chart) === chart.log && chart.lines === chart.own;

  const heights = (chart, first, last) => {
    const shown = lines(chart).flatMap(({ values }) => values.slice(first, last + 1)).filter((one) => one > 0);
    const highest = shown.reduce((a, b) => max(a, b), 0);
    const least = shown.reduce((a, b) => min(a, b), Infinity);
    const near = [...chart.limits, ...chart.band].filter((limit) => isLog(chart) || limit <= highest * 3);
    const most = max(highest, ...near) || 1;
    if (!isLog(chart)) {
      const step = round(most * 1.03 / (chart.large ? 4 : 3));
      const count = Math.ceil(most * 1.03 / step - 1e-9);
      const ticks = Array.from({ length: count + 1 }, (_, tick) => step * tick);
      return { low: 0, high: step * count, ticks, place: (value) => value };
    }
    const low = floor(log10(min(least, most)));
    const high = max(low + 1, Math.ceil(log10(most)));
    const steps = high - low <= 2 ? [1, 2, 5] : [1];
    const ticks = [];
    for (let decade = low; decade <= high; decade += 1) {
      steps.forEach((step) => ticks.push(step * 10 ** decade));
    }
    const place = (value) => log10(max(value, 10 ** low));
    return { low, high, ticks: ticks.filter((tick) => place(tick) <= high + 1e-9), place };
  };

  const draw = (chart) => {
    if (isUnchanged(chart)) {
      chart.drawn?.remove();
      chart.drawn = null;
      chart.still.classList.remove('off');
      return;
    }
    const clock = clockOf(chart);
    const { x0, x1, y0, y1 } = field(chart);
    const first = max(0, index(clock, state.from) - 1);
    const last = min(clock.length - 1, index(clock, state.to) + 1);
    const scale = heights(chart, first, last);
    const { from, to } = state;
    const span = to - from;
    const x = (at) => x0 + ((at - from) / span) * (x1 - x0);
    const y = (value) => y0 - ((scale.place(value) - scale.low) / (scale.high - scale.low)) * (y0 - y1);
    const texts = [];
    const text = (at, up, down, anchor, words) => texts.push(
      `<text class="fl" x="${at}" y="${up}" dy="${down}em" text-anchor="${anchor}">${words}</text>`);
    const held = (at) => min(x1, max(x0, x(at)));
    const line = (name, [a, b, c, d]) =>
      `<line class="${name}" stroke-width="4" x1="${a}" y1="${b}" x2="${c}" y2="${d}"/>`;
    const box = (name, left, up, width, height) =>
      `<rect class="${name}" x="${left}" y="${up}" width="${width}" height="${height}"/>`;
    let markup = '';
    if (data.judged) {
      const [start, end] = data.judged.map(held);
      markup += box('fj', start, y1, end - start, y0 - y1);
    }
    const [bottom, top] = chart.band.map(y);
    if (top) markup += box('fb', x0, top, x1 - x0, max(8, bottom - top));
    for (const tick of scale.ticks) {
      markup += line('sg', [x0, y(tick), x1, y(tick)]);
      text(x0 - 24, y(tick), 0.35, 'end', told(tick, chart.unit));
    }
    const wanted = chart.large ? 6 : 3;
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200];
    const step = steps.find((one) => span / one <= wanted) ?? 86400;
    for (let at = Math.ceil(from / step) * step; at <= to + 1e-9; at += step) {
      text(x(at), y0 + 24, 0.8, 'middle', step < 1 ? `${at.toFixed(1)} s` : moment(at));
    }
    data.events.filter((at) => at >= from && at <= to).forEach((at) => {
      markup += line('se', [x(at), y0, x(at), y1]);
    });
    for (const limit of chart.limits.filter((one) => scale.place(one) <= scale.high)) {
      markup += line('sm', [x0, y(limit), x1, y(limit)]);
      text(x1, y(limit) - 12, 0, 'end', `max ${told(limit, chart.unit)}`);
    }
    for (const { ink, values } of lines(chart)) {
      let run = [];
      const end = () => {
        // A point between two gaps becomes a dot.
        const points = run.length === 1 ? [...run, ...run] : run;
        const width = run.length === 1 ? 16 : 7;
        markup += `<polyline class="s${ink}" fill="none" stroke-width="${width}" points="${points.join(' ')}"/>`;
        run = [];
      };
      for (let at = first; at <= last; at += 1) {
        const value = values[at];
        if (value == null) {
          // A step rests for longer than a point: its line must not go on.
          if (chart.clock === 0 || chart.step !== null) end();
        } else {
          run.push(`${x(clock[at]).toFixed(0)},${y(value).toFixed(0)}`);
        }
      }
      end();
    }
    const name = `clip${chart.figure.dataset.chart}`;
    chart.drawn ??= chart.still.cloneNode();
    chart.drawn.classList.add('drawn');
    // Numbers and our own words only.
    chart.drawn.innerHTML = `<clipPath id="${name}">${box('', x0, y1 - 8, x1 - x0, y0 - y1 + 16)}</clipPath><g clip-path="url(#${name})">${markup}</g>${texts.join('')}`;
    chart.still.classList.add('off');
    if (!chart.drawn.isConnected) chart.picture.prepend(chart.drawn);
  };

  // Charts out of sight are drawn when they come into sight.
  const waiting = new Set();
  const seen = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => {
    const chart = charts.find((one) => one.picture === target);
    chart.inSight = isIntersecting;
    if (isIntersecting && waiting.delete(chart)) draw(chart);
  }), { rootMargin: '200px' });
  charts.forEach((chart) => seen.observe(chart.picture));
  const redraw = (some = charts) => {
    some.forEach((chart) => (chart.inSight ? draw(chart) : waiting.add(chart)));
    whole.disabled = isWhole();
    point();
  };

  // ── The pointer ──
  const span = () => state.to - state.from;
  const share = (chart, at) => {
    const { x0, x1 } = field(chart);
    return (x0 + ((at - state.from) / span()) * (x1 - x0)) / (chart.width * SCALE);
  };
  const timeAt = (chart, event) => {
    const box = chart.picture.getBoundingClientRect();
    const { x0, x1 } = field(chart);
    const across = ((event.clientX - box.left) / box.width) * chart.width * SCALE;
    const part = min(1, max(0, (across - x0) / (x1 - x0)));
    return state.from + part * span();
  };
  const values = (chart, at) => {
    const found = index(clockOf(chart), at);
    const parts = chart.lines.filter((line) => !chart.hidden.has(line.label)).map((line) => {
      const value = line.values[found];
      return `${line.label} ${value == null ? '–' : told(value, line.ink ? chart.unit : 'count')}`;
    });
    return `${moment(clockOf(chart)[found])}  ${parts.reverse().join('  ')}`;
  };
  const stretch = () => [state.mark ?? state.at, state.at].sort((a, b) => a - b);
  function point() {
    const shown = state.at !== null && state.at >= state.from && state.at <= state.to;
    for (const chart of charts) {
      const [cross, chosen] = chart.overlay.children;
      const [from, to] = stretch().map((at) => share(chart, at) * 100);
      cross.hidden = !shown;
      chosen.hidden = state.mark === null || !shown;
      cross.style.left = `${share(chart, state.at) * 100}%`;
      chosen.style.left = `${from}%`;
      chosen.style.width = `${to - from}%`;
      if (chart.inSight || !shown) chart.readout.textContent = shown ? values(chart, state.at) : '';
    }
  }
  const zoom = (from, to) => {
    [state.from, state.to, state.mark] = [from, to, null];
    redraw();
  };
  const choose = () => {
    const [from, to] = stretch();
    state.mark = null;
    const clock = data.clocks[0];
    const least = clock.length > 1 ? 2 * (clock[1] - clock[0]) : 1;
    if (to - from >= least) zoom(from, to); else point();
  };
  const keys = (chart, event) => {
    // Whoever reads it with the keyboard has it in sight, or will at once.
    chart.inSight = true;
    const clock = clockOf(chart);
    const now = index(clock, state.at ?? state.from);
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity };
    if (event.key in steps) {
      const low = index(clock, state.from);
      const high = index(clock, state.to);
      state.at = clock[min(high, max(low, now + steps[event.key]))];
      point();
    } else if (event.key === 'Enter') {
      if (state.mark === null) state.mark = state.at ?? state.from; else choose();
      point();
    } else if (event.key === 'Escape') {
      zoom(0, data.to);
    } else {
      return;
    }
    event.preventDefault();
  };
  charts.forEach((chart) => {
    const { picture } = chart;
    on(picture, 'pointermove', (event) => {
      state.at = timeAt(chart, event);
      point();
    });
    on(picture, 'pointerdown', (event) => {
      if (event.button !== 0) return;
      state.at = timeAt(chart, event);
      state.mark = state.at;
      picture.setPointerCapture(event.pointerId);
    });
    on(picture, 'pointerup', () => state.mark !== null && choose());
    on(picture, 'pointercancel', () => { state.mark = null; point(); });
    on(picture, 'pointerleave', () => {
      if (state.mark === null) state.at = null;
      point();
    });
    on(picture, 'dblclick', () => zoom(0, data.to));
    on(picture, 'keydown', (event) => keys(chart, event));
    on(picture, 'focus', () => chart.readout.setAttribute('role', 'status'));
    on(picture, 'blur', () => chart.readout.removeAttribute('role'));
  });

  // ── Series, steps, scale ──
  const legend = (chart) => {
    const place = one('.keys', chart.figure);
    if (!place) return;
    place.replaceChildren(...chart.lines.filter(({ ink }) => ink > 0).map(({ ink, label }) => {
      const button = make('button');
      button.type = 'button';
      button.append(make('i', `k${ink}`), label);
      press(button, !chart.hidden.has(label));
      on(button, 'click', () => {
        if (!chart.hidden.delete(label)) chart.hidden.add(label);
        press(button, !chart.hidden.has(label));
        redraw([chart]);
      });
      return button;
    }), ...all('span:has(.kb)', place));
  };
  charts.forEach(legend);

  // Rates of several steps are sums; quantiles are not, so each step has lines of its own.
  const pick = () => {
    const picked = ofSteps.filter((chart) => state.steps.has(chart.step));
    ofSteps.forEach((chart) => {
      chart.figure.hidden = picked.length > 0 && !picked.includes(chart);
    });
    // The lines of a step: p99, p50, requests and, where there are any, failures.
    const inks = [1, 2, 3, 5, 6, 8];
    const times = picked.slice(0, 3).flatMap((chart, at) => chart.own.slice(0, 2).map((line, n) => (
      { ...line, ink: inks[2 * at + n], label: `${chart.step} ${line.label}` })));
    const [start, next] = data.clocks[1];
    const sum = (n) => data.clocks[1].map((_, at) => picked.reduce((all, chart) =>
      all + (chart.own[n]?.values[at] ?? 0), 0) / (next - start || 1));
    const rates = [
      { ink: 1, label: 'requests of these steps', get values() { return sum(2); } },
      { ink: 4, label: 'failed', get values() { return sum(3); } },
    ];
    [[main, times], [load, rates]].forEach(([chart, instead]) => {
      chart.ownClock ??= chart.clock;
      chart.hidden.clear();
      [chart.lines, chart.clock] = picked.length ? [instead, 1] : [chart.own, chart.ownClock];
      legend(chart);
    });
    summary.textContent = picked.length ? `Steps: ${picked.length} of ${ofSteps.length}` : 'Steps: all';
    redraw();
  };
  on(whole, 'click', () => zoom(0, data.to));
  on(log, 'click', () => {
    state.log = !(state.log ?? main.log);
    press(log, state.log);
    redraw();
  });
  press(log, main.log);
  one('.pick', tools).hidden = ofSteps.length < 2;
  ofSteps.forEach(({ step }) => {
    const label = make('label');
    const box = make('input');
    box.type = 'checkbox';
    on(box, 'change', () => {
      if (box.checked) state.steps.add(step); else state.steps.delete(step);
      pick();
    });
    label.append(box, step);
    choices.append(label);
  });
  point();
  tools.hidden = false;
  document.documentElement.classList.add('live');
  live?.follow((before) => {
    if (state.to === before) state.to = data.to;
    redraw();
  });
})();
