// Gives the script of the reports, which stands below, the data of a run that goes on: the lines of its events, a second
// each, as the process hands them out. Text of the run is never put into the page as markup.
self.live = async () => {
  'use strict';
  const find = (id) => document.getElementById(id);
  const plan = JSON.parse(find('data').textContent);
  const [badge, sentence] = find('state').children;
  const rows = [...find('steps').tBodies[0].rows];
  const sums = plan.steps.map(() => [0, 0]);
  const clock = [];
  const data = { clocks: [clock, clock], to: 1, judged: null, events: [], charts: plan.charts.map(
    ({ lines, ...chart }) => ({ ...chart, clock: 0, lines: lines.map((line) => ({ ...line, values: [] })) })) };
  let [next, units, ended, reached] = [0, {}, false, 0];
  const count = (value) => Math.round(value).toLocaleString('en');
  const time = (ms) => (ms == null ? '–' : ms < 1 ? `${Math.round(ms * 1e3)} µs`
    : ms < 1e3 ? `${ms.toPrecision(3)} ms` : `${(ms / 1e3).toPrecision(3)} s`);
  const moment = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, '0')}`;

  const say = (key, word, text) => {
    find('state').className = `answer ${key}`;
    [badge.textContent, sentence.textContent] = [word, text];
  };
  const tiles = (pairs) => find('now').replaceChildren(...pairs.map(([what, much, beside]) => {
    const tile = document.createElement('div');
    tile.className = 'tile';
    [['what', what], ['much', much], ['beside', beside]].forEach(([name, text]) => {
      const part = document.createElement('div');
      [part.className, part.textContent] = [name, text];
      tile.append(part);
    });
    return tile;
  }));

  const second = (line) => {
    plan.steps.forEach((step, at) => {
      const now = line.steps[step];
      sums[at][0] += now?.requests ?? 0;
      sums[at][1] += now?.failed ?? 0;
      const [, requests, failed, ...times] = rows[at].cells;
      requests.textContent = count(sums[at][0]);
      failed.textContent = count(sums[at][1]);
      failed.classList.toggle('bad', sums[at][1] > 0);
      ['p50_ms', 'p95_ms', 'p99_ms'].forEach((key, n) => { times[n].textContent = time(now?.[key]); });
    });
    const [length, before] = [line.at_s - reached, data.to];
    reached = line.at_s;
    // The last part of a second would look as if the stack had collapsed.
    if (length < 0.5 && clock.length) return;
    clock.push(line.at_s);
    data.to = Math.max(before, line.at_s);
    data.charts.forEach((chart) => chart.lines.forEach(({ path, scale, values }) => {
      const value = path.reduce((within, key) => within?.[key], line);
      values.push(value == null ? null : value * scale);
    }));
    const wrong = Object.entries(line.errors).map(([name, much]) => `${name} ${count(much)}`).join(', ');
    tiles([
      ['Time', moment(line.at_s), `of ${moment(plan.planned_s)} planned`],
      ['Requests', `${line.requests_per_s.toFixed(1)} /s`, `${count(line.arrivals)} iterations due`],
      ['p95', time(line.p95_ms), `p99 ${time(line.p99_ms)}`],
      ['Failures', count(line.failed), wrong || 'in the last second'],
      ['Users', count(line.users), `${count(line.in_flight)} requests in flight`],
      ['Schedule lag', time(line.schedule_lag_p99_ms), 'p99, of the generator'],
    ]);
  };
  const note = (line) => {
    data.events.push(line.at_s);
    const item = document.createElement('li');
    item.textContent = `${moment(line.at_s)}  ${line.kind.replace('_', ' ')}: ${line.text}`;
    find('notes').prepend(item);
    [...find('notes').children].slice(100).forEach((old) => old.remove());
  };
  // A row for each page that a browser has loaded: how often, and what the last load took.
  const page = (line) => {
    if (line.idle) return;
    find('pages').hidden = false;
    const table = find('loads');
    table.parentElement.hidden = false;
    let row = [...table.tBodies[0].rows].find((known) => known.cells[0].textContent === line.page);
    if (!row) {
      row = table.tBodies[0].insertRow();
      const name = document.createElement('th');
      [name.scope, name.className, name.textContent] = ['row', 'name', line.page];
      row.append(name);
      for (let n = 0; n < 7; n += 1) row.insertCell().className = 'num';
      [row.loads, row.failed] = [0, 0];
    }
    const bad = line.failure != null;
    row.loads += 1;
    row.failed += bad ? 1 : 0;
    const [, loads, failed, ...figures] = row.cells;
    loads.textContent = count(row.loads);
    failed.textContent = count(row.failed);
    failed.classList.toggle('bad', row.failed > 0);
    if (bad || line.left_out != null) return;
    const told = ['ttfb', 'fcp', 'lcp', 'cls', 'load'].map((key) => (
      key === 'cls' ? line.cls?.toFixed(3) ?? '–' : time(line.figures[`${key}_ms`])));
    told.forEach((text, n) => { figures[n].textContent = text; });
  };
  const take = (line) => {
    if (line.event === 'second') second(line);
    if (line.event === 'page') page(line);
    if (line.event === 'note') note(line);
    if (line.event === 'end') say('not_measured', line.reason.replace('_', ' '), 'the load has ended; it is being judged');
    if (line.event === 'verdict') {
      ended = true;
      say(line.verdict, line.verdict.replace('_', ' ').toUpperCase(), line.sentence);
    }
  };
  const poll = async () => {
    const answer = await (await fetch(`/lines?from=${next}`)).json();
    next = answer.next;
    units = answer.units;
    answer.lines.forEach(take);
  };

  // A chart for each metric of the stack, a line a replica.
  const tiers = (known) => {
    const inks = [1, 2, 3, 5, 6, 8];
    const groups = Map.groupBy(Object.keys(known), (name) => name.replace(/\[.*\]$/, ''));
    [...groups].slice(0, 24).forEach(([title, names]) => {
      find('stack').hidden = false;
      const figure = document.querySelector('figure:has(svg[viewBox^="0 0 1280"])')?.cloneNode(true)
        ?? document.querySelector('figure').cloneNode(true);
      const unit = known[names[0]];
      figure.dataset.chart = data.charts.length;
      figure.querySelector('h3').textContent = title.replace('.', ' · ');
      figure.querySelector('.about').textContent = '';
      figure.querySelector('.picture').setAttribute('aria-label', title);
      figure.querySelector('svg').setAttribute('viewBox', '0 0 1280 560');
      find('tiers').append(figure);
      data.charts.push({ unit, log: false, large: false, clock: 0, step: null, limits: [], lines: names.slice(0, 6).map(
        (name, at) => ({
          ink: inks[at], label: name.slice(title.length) || title, path: ['stack', name], scale: unit === 'time' ? 1e6 : 1, values: [],
        })) });
    });
  };

  let first;
  do {
    if (first) await new Promise((resolve) => { setTimeout(resolve, 500); });
    first = await (await fetch('/lines?from=0')).json();
  } while (!first.lines.some((line) => line.event === 'second'));
  tiers(first.units);
  const known = Object.keys(first.units).length;
  [next, units] = [first.next, first.units];
  say('valid', 'RUNNING', 'no verdict before the end');
  first.lines.forEach(take);
  return {
    data,
    follow: (changed) => {
      changed(data.to);
      const timer = setInterval(async () => {
        const before = data.to;
        try {
          await poll();
        } catch {
          clearInterval(timer);
          if (!ended) say('not_measured', 'gone', 'plimsoll does not answer any more: the run has ended, or was ended');
          return;
        }
        // Metrics that came to light since: their charts are made at the start.
        if (Object.keys(units).length > known) location.reload();
        changed(before);
        if (ended) clearInterval(timer);
      }, 1000);
    },
  };
};
