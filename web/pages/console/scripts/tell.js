// Puts what the API answers into words: never as HTML, whatever it says.

const NAMES = /^[a-z][a-z0-9_.]*$/;
const AMOUNTS = /(^|_)(amount|balance|captured|credit|debit|fee|gross|held|net|received|refunded|released|set_off|tax|total)(_|$)/;
const DECIMALS_LEAST = 2;

// How many decimals each currency is written with, as the page says: `EUR:2 USDC:6`.
const decimalsOf = (currency) => (document.body.dataset.decimals ?? '').split(' ')
  .map((each) => each.split(':')).find(([code]) => code === currency)?.[1];

/** Make an element with text and children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return `awaiting_funding` as `awaiting funding`. */
const words = (text) => String(text).replace(/[_.]/g, ' ');

/** Return `2160000` minor units of USD as people read them: `21,600.00 USD`. */
export function money(amount, currency) {
  const decimals = Number(decimalsOf(currency) ?? Number.NaN);
  if (Number.isNaN(decimals)) return `${amount} minor units of ${currency}`;
  const [, sign, digits] = /^(-?)(\d+)$/.exec(amount);
  const all = digits.padStart(decimals + 1, '0');
  const whole = all.slice(0, all.length - decimals).replace(/\B(?=(\d{3})+$)/g, ',');
  const part = all.slice(all.length - decimals).replace(/0+$/, '').padEnd(DECIMALS_LEAST, '0');
  return `${sign}${whole}${decimals ? `.${part}` : ''} ${currency}`;
}

/** Return words as a header can hold them: one line of ASCII, or any letters as RFC 8187 has them. */
export function asHeader(text) {
  const line = text.replace(/\p{Surrogate}/gu, '\ufffd').replace(/[\s\p{Cc}]+/gu, ' ').trim();
  if (/^(?!utf-8')[\x20-\x7e]*$/i.test(line)) return line;
  const code = (letter) => `%${letter.codePointAt(0).toString(16)}`;
  return `UTF-8''${encodeURIComponent(line).replace(/['()*]/g, code)}`;
}

/** Return a value of an answer as a node. */
export function told(value, depth = 0, currency = null) {
  if (value === null || value === undefined || value === '') return element('span', { class: 'none' }, '–');
  if (Array.isArray(value)) {
    if (value.length === 0) return element('span', { class: 'none' }, 'none');
    const shown = value.slice(0, 8).map((each) => element('li', {}, told(each, depth + 1, currency)));
    if (value.length > 8) shown.push(element('li', { class: 'none' }, `and ${value.length - 8} more`));
    return element('ul', {}, ...shown);
  }
  if (typeof value === 'object') return facts(value, depth + 1, currency);
  if (value === true) return new Text('yes');
  if (value === false) return new Text('no');
  const text = String(value);
  return /^\d{4}-\d\d-\d\dT/.test(text)
    ? element('time', { datetime: text }, text.slice(0, 19).replace('T', ' '))
    : new Text(NAMES.test(text) && !/_[0-9A-Z]/.test(text) ? words(text) : text);
}

/**
 * Return an object of an answer as a list of names and values; what is empty is left out. Amounts
 * are of its own currency, or of what it stands in.
 */
export function facts(answer, depth = 0, outer = null) {
  const currency = answer.currency ?? answer.asset ?? outer;
  const list = element('dl', { class: 'facts' });
  for (const [name, value] of Object.entries(answer)) {
    const empty = value === null || value === '' || (Array.isArray(value) && !value.length);
    if (empty || name === 'next' || depth > 3) continue;
    const isAmount = currency && AMOUNTS.test(name) && typeof value === 'string' && /^-?\d+$/.test(value);
    const shown = isAmount ? money(value, currency) : told(value, depth, currency);
    list.append(element('div', {}, element('dt', {}, words(name)), element('dd', {}, shown)));
  }
  if (!list.children.length) list.append(element('div', {}, element('dd', {}, 'Nothing to tell.')));
  return list;
}

/** Say something below the page, to eyes and screen readers. */
export function announce(text, tone = 'good') {
  const place = document.querySelector('[data-told]');
  const said = element('p', { class: tone }, text);
  place.replaceChildren(said);
  if (tone === 'good') setTimeout(() => said.remove(), 8000);
}

/** Return what went wrong as nodes: the sentence, the way on, the id to look for in the log. */
export function problemNodes(problem) {
  const nodes = [element('p', {}, problem.detail || problem.title || 'That did not work.')];
  const signIn = document.body.dataset.signIn;
  if (problem.code === 'step_up_required' || problem.status === 401) {
    const line = element('p', {}, 'Sign in again with your second factor, then press the button once more. ');
    if (signIn) line.append(element('a', { href: signIn, target: '_blank', rel: 'noopener' }, 'Sign in (new tab)'));
    nodes.push(line);
  }
  if (problem.request_id) nodes.push(element('p', { class: 'aside' }, `${problem.code || ''} · request ${problem.request_id}`));
  return nodes;
}
