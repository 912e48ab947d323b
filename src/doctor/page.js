'use strict';
// Every value is inserted into the page as text, never as markup.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u206f\ufeff\ufff9-\ufffb]/g;
const CHUNK = 200;
const safe = text => text.replace(UNSAFE, c => c === '\n' ? '\\n' : c === '\t' ? '\\t' : '\\u{' + c.charCodeAt(0).toString(16) + '}');
const svg = (name, attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const make = (name, text, parent) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.append(element);
  return element;
};

const bytes = n => {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let i = 0, x = Math.abs(n);
  while (x >= 1024 && i < units.length - 1) { x /= 1024; i++; }
  return (n < 0 ? '-' : '') + (i && x < 10 ? x.toFixed(1) : Math.round(x)) + ' ' + units[i];
};
const seconds = s => {
  const x = Math.abs(s);
  if (x === 0) return '0 s';
  if (x < 1) return (s * 1000).toFixed(x < 0.1 ? 2 : 0) + ' ms';
  if (x < 60) return s.toFixed(1) + ' s';
  if (x < 3600) return Math.floor(x / 60) + 'm ' + Math.round(x % 60) + 's';
  if (x < 172800) return Math.floor(x / 3600) + 'h ' + Math.round(x % 3600 / 60) + 'm';
  return Math.round(x / 86400) + ' d';
};
const unit = name => ['_bytes', '_pct', '_ms', '_s'].find(end => name.endsWith(end)) || '';
const show = (name, value) => {
  if (value === null) return '';
  if (Array.isArray(value)) return value.map(one => show('', one)).join(', ');
  if (typeof value !== 'number') return safe(String(value));
  switch (unit(name)) {
    case '_bytes': return bytes(value);
    case '_pct': return value.toFixed(1) + ' %';
    case '_ms': return seconds(value / 1000);
    case '_s': return seconds(value);
    default: return Math.abs(value) >= 100000 && Number.isInteger(value) && !/(^|_)(pid|id|oid|port)$/.test(name) ? value.toLocaleString('en') : String(value);
  }
};

// The page holds the rows of each report compressed. They are decompressed when the report is opened.
const unpack = async id => {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent.trim()), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(stream).text());
};

const isNumber = type => /^(int|float|numeric|oid)/.test(type) && !type.endsWith('[]');
const compare = (a, b) => {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
};

const bar = (share, much) => {
  const picture = svg('svg', { class: much ? 'bar much' : 'bar', viewBox: '0 0 100 3', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  picture.append(svg('rect', { x: 0, y: 0, height: 3, width: Math.max(0, Math.min(100, share)).toFixed(2) }));
  return picture;
};

const table = (data, place, sorted) => {
  const { columns, rows } = data;
  const most = columns.map(([name, type], i) => isNumber(type) && (unit(name) === '_bytes' || /(^|_)age$/.test(name))
    ? rows.reduce((max, row) => typeof row[i] === 'number' ? Math.max(max, row[i]) : max, 0) : 0);
  let shown = rows, at = 0, order = sorted || null;
  const search = make('input', undefined, place);
  search.type = 'search';
  search.placeholder = 'filter ' + rows.length + ' rows';
  search.setAttribute('aria-label', 'filter the rows');
  const box = make('div', undefined, place);
  box.className = 'data';
  box.tabIndex = 0;
  const grid = make('table', undefined, box), head = make('tr', undefined, make('thead', undefined, grid)), body = make('tbody', undefined, grid);
  const more = make('button', undefined, place);
  more.className = 'more';
  const fill = () => {
    const part = document.createDocumentFragment();
    for (const row of shown.slice(at, at + CHUNK)) {
      const line = make('tr', undefined, part);
      row.forEach((value, i) => {
        const [name, type] = columns[i];
        const text = show(name, value), cell = make('td', text, line);
        if (isNumber(type)) cell.className = 'number';
        else if (text.length > 60) cell.className = 'long';
        if (typeof value === 'number' && unit(name) === '_pct') cell.append(bar(value, name === 'used_pct' && value >= 90));
        else if (typeof value === 'number' && most[i] > 0) cell.append(bar(100 * value / most[i]));
      });
    }
    body.append(part);
    at = Math.min(at + CHUNK, shown.length);
    more.hidden = at >= shown.length;
    more.textContent = 'more (' + (shown.length - at) + ' rows)';
  };
  const draw = () => {
    const wanted = search.value.toLowerCase();
    shown = wanted ? rows.filter(row => row.some((value, i) => show(columns[i][0], value).toLowerCase().includes(wanted))) : rows.slice();
    if (order) shown.sort((a, b) => {
      const [x, y] = [a[order.column], b[order.column]];
      // NULL comes last in either direction.
      if (x === null || y === null) return compare(x, y);
      return order.down ? compare(y, x) : compare(x, y);
    });
    body.replaceChildren();
    at = 0;
    fill();
    [...head.children].forEach((cell, i) => cell.setAttribute('aria-sort', order && order.column === i ? (order.down ? 'descending' : 'ascending') : 'none'));
  };
  columns.forEach(([name, type], i) => {
    const button = make('button', safe(name).replace(/_(bytes|pct|ms|s)$/, ''), make('th', undefined, head));
    button.title = name;
    button.addEventListener('click', () => {
      order = { column: i, down: order && order.column === i ? !order.down : isNumber(type) };
      draw();
    });
  });
  let waiting;
  search.addEventListener('input', () => { clearTimeout(waiting); waiting = setTimeout(draw, 120); });
  more.addEventListener('click', fill);
  new IntersectionObserver(seen => { if (seen.some(one => one.isIntersecting) && at < shown.length) fill(); }, { root: null, rootMargin: '200px' }).observe(more);
  draw();
};

// Squarified treemap: Bruls, Huizing and van Wijk, 2000.
const squarify = (items, x, y, width, height, place) => {
  let rest = items.filter(item => item.size > 0).sort((a, b) => b.size - a.size);
  let total = rest.reduce((sum, item) => sum + item.size, 0);
  while (rest.length && width > 0.5 && height > 0.5) {
    const short = Math.min(width, height), scale = width * height / total;
    const worst = row => {
      const sum = row.reduce((all, item) => all + item.size, 0) * scale, side = sum / short;
      return Math.max(...row.map(item => { const other = item.size * scale / side; return Math.max(side / other, other / side); }));
    };
    const row = [rest[0]];
    while (row.length < rest.length && worst([...row, rest[row.length]]) <= worst(row)) row.push(rest[row.length]);
    const sum = row.reduce((all, item) => all + item.size, 0), side = sum * scale / short;
    let along = 0;
    for (const item of row) {
      const length = item.size * scale / side;
      if (width >= height) place(item, x, y + along, side, length); else place(item, x + along, y, length, side);
      along += length;
    }
    if (width >= height) { x += side; width -= side; } else { y += side; height -= side; }
    total -= sum;
    rest = rest.slice(row.length);
  }
};

const treemap = (data, place) => {
  const at = name => data.columns.findIndex(column => column[0] === name);
  const [database, schema, name, members, total] = ['database', 'schema', 'name', 'members', 'total_bytes'].map(at);
  const groups = new Map();
  for (const row of data.rows) {
    if (!(row[total] > 0)) continue;
    const of = (database < 0 ? '' : row[database] + '.') + row[schema];
    if (!groups.has(of)) groups.set(of, { label: of, size: 0, items: [] });
    const group = groups.get(of);
    group.size += row[total];
    group.items.push({ label: row[name], members: members < 0 ? 1 : row[members], size: row[total] });
  }
  const all = [...groups.values()].sort((a, b) => b.size - a.size);
  if (!all.length) return;
  const picture = svg('svg', { viewBox: '0 0 1000 480', role: 'img', 'aria-label': 'sizes of schemas and tables' });
  const label = (text, x, y, width, height) => {
    const room = Math.floor(width / 6.5);
    if (height < 14 || room < 4) return;
    const words = svg('text', { x: x + 4, y: y + 12 });
    words.textContent = text.length > room ? text.slice(0, room - 1) + '…' : text;
    picture.append(words);
  };
  squarify(all, 0, 0, 1000, 480, (group, x, y, width, height) => {
    const hue = Math.round(all.indexOf(group) * 137.5) % 360;
    // All but the largest tables share one box, since they are too small to be seen.
    const most = 300, items = group.items.sort((a, b) => b.size - a.size);
    const rest = items.slice(most);
    const drawn = items.slice(0, most);
    if (rest.length) drawn.push({ label: rest.length + ' others', members: rest.length, size: rest.reduce((sum, item) => sum + item.size, 0) });
    squarify(drawn, x, y, width, height, (item, left, top, w, h) => {
      const box = svg('rect', { x: left.toFixed(1), y: top.toFixed(1), width: w.toFixed(1), height: h.toFixed(1), fill: 'hsl(' + hue + ' 45% ' + (32 + 14 * (drawn.indexOf(item) % 2)) + '%)' });
      const title = svg('title', {});
      title.textContent = safe(group.label + '.' + item.label) + '\n' + bytes(item.size) + (item.members > 1 ? ', ' + item.members + ' tables' : '');
      box.append(title);
      picture.append(box);
      label(safe(drawn.length > 1 ? item.label : group.label + '.' + item.label), left, top, w, h);
    });
    const edge = svg('rect', { x, y, width, height, fill: 'none', 'stroke-width': 3 });
    picture.append(edge);
  });
  place.append(picture);
};

const growth = (now, was, place) => {
  const at = (data, name) => data.columns.findIndex(column => column[0] === name);
  const keyOf = data => { const parts = ['database', 'schema', 'name'].map(name => at(data, name)); return row => JSON.stringify(parts.map(i => i < 0 ? '' : row[i])); };
  const before = new Map(), keyWas = keyOf(was), keyNow = keyOf(now);
  for (const row of was.rows) before.set(keyWas(row), row[at(was, 'total_bytes')]);
  const rows = [];
  for (const row of now.rows) {
    const total = row[at(now, 'total_bytes')], old = before.get(keyNow(row));
    before.delete(keyNow(row));
    const change = total === null || old === null ? null : total - (old || 0);
    if (change) rows.push([...JSON.parse(keyNow(row)), old === undefined ? null : old, total, change]);
  }
  for (const [key, old] of before) if (old) rows.push([...JSON.parse(key), old, null, -old]);
  if (!rows.length) { make('p', 'No table has changed in size.', place).className = 'soft'; return; }
  table({ columns: [['database', 'text'], ['schema', 'text'], ['name', 'text'], ['was_bytes', 'int8'], ['total_bytes', 'int8'], ['change_bytes', 'int8']], rows }, place, { column: 5, down: true });
};

const failed = (place, error) => { make('p', 'The rows could not be shown: ' + error, place).className = 'soft'; };
for (const details of document.querySelectorAll('details[data-rows]')) {
  let done = false;
  const open = async () => {
    if (!details.open || done) return;
    done = true;
    try { table(await unpack(details.dataset.rows), details); } catch (error) { failed(details, error); }
  };
  details.addEventListener('toggle', open);
  open();
}
for (const place of document.querySelectorAll('[data-tree]')) unpack(place.dataset.tree).then(data => treemap(data, place)).catch(error => failed(place, error));
for (const place of document.querySelectorAll('[data-now]')) Promise.all([unpack(place.dataset.now), unpack(place.dataset.was)]).then(([now, was]) => growth(now, was, place)).catch(error => failed(place, error));
for (const code of document.querySelectorAll('code.copied')) {
  const button = make('button', 'copy');
  button.className = 'copy';
  button.addEventListener('click', async () => {
    try { await navigator.clipboard.writeText(code.dataset.text); button.textContent = 'copied'; }
    catch { getSelection().selectAllChildren(code); button.textContent = 'selected'; }
  });
  code.after(button);
}
