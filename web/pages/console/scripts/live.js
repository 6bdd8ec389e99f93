// Keeps a page as it is now: `<main data-live="payment.updated order.updated">`.
//
// data-live      topics of GET /api/events; the page is fetched again when one of them comes
// data-live-of   ids, apart by spaces: only news that name one of them count
// data-every     seconds after which it is fetched again anyway, for what is not announced
//
// Only elements with an id and `data-part` change, or all of <main> when there are none. What
// somebody types in, has opened or marked stays. The banner of a database that stands still changes.

const SOON_MS = 300;
const LEAST_MS = 1500;
let timer = null;
let last = 0;

const state = () => document.querySelector('[data-live-state]');

function tell(text, tone) {
  const place = state();
  if (!place) return;
  place.hidden = false;
  place.textContent = text;
  place.className = `live ${tone}`;
}

function isBusy(part) {
  const active = document.activeElement;
  if (active && part.contains(active) && active.matches('input, textarea, select')) return true;
  return [...part.querySelectorAll('form[data-call] input, form[data-call] textarea, input[form]')]
    .some((field) => field.value !== field.defaultValue || field.checked !== field.defaultChecked);
}

function replace(part, fresh) {
  if (part.innerHTML === fresh.innerHTML || isBusy(part)) return;
  const open = [...part.querySelectorAll('details[id][open]')].map((each) => each.id);
  const scrolled = [...part.querySelectorAll('.scroll')].map((each) => each.scrollLeft);
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const again = focused && (focused.id ? `#${CSS.escape(focused.id)}`
    : focused.getAttribute('href') && `a[href="${CSS.escape(focused.getAttribute('href'))}"]`);
  part.replaceChildren(...fresh.childNodes);
  open.forEach((id) => part.querySelector(`#${CSS.escape(id)}`)?.setAttribute('open', ''));
  part.querySelectorAll('.scroll').forEach((each, n) => { each.scrollLeft = scrolled[n] ?? 0; });
  if (again) part.querySelector(again)?.focus({ preventScroll: true });
}

/** Fetch the page again and put in what has changed. */
export async function refresh() {
  last = Date.now();
  let text;
  try {
    const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
    if (answer.status === 401) {
      document.dispatchEvent(new CustomEvent('signedout'));
      return tell('Signed out', 'bad');
    }
    if (!answer.ok) return tell('Not up to date', 'bad');
    text = await answer.text();
  } catch {
    return tell('Out of reach', 'bad');
  }
  const fresh = new DOMParser().parseFromString(text, 'text/html');
  const parts = document.querySelectorAll('main [data-part][id]');
  const found = parts.length ? parts : document.querySelectorAll('main');
  found.forEach((part) => {
    const other = fresh.getElementById(part.id);
    if (other) replace(part, other);
  });
  const standing = document.getElementById('standing');
  const stands = fresh.getElementById('standing');
  if (standing && stands) replace(standing, stands);
  const made = fresh.querySelector('[data-made]');
  if (made) document.querySelector('[data-made]')?.replaceWith(made);
  document.dispatchEvent(new CustomEvent('refreshed'));
  return undefined;
}

function soon() {
  if (timer !== null) return;
  const wait = Math.max(SOON_MS, LEAST_MS - (Date.now() - last));
  timer = setTimeout(() => { timer = null; refresh(); }, wait);
}

/** Listen to what happens to a page's things. */
export function follow(main) {
  const topics = (main?.dataset.live ?? '').split(' ').filter(Boolean);
  const every = Number.parseInt(main?.dataset.every ?? '0', 10);
  if (every > 0) setInterval(() => { if (!document.hidden) soon(); }, every * 1000);
  if (!document.querySelector('.places')) return;
  const of = (main?.dataset.liveOf ?? '').split(' ').filter(Boolean);
  const stream = new EventSource('/api/events');
  stream.addEventListener('open', () => tell('Live', 'good'));
  stream.addEventListener('error', () => {
    const isOver = stream.readyState === EventSource.CLOSED;
    tell(isOver ? 'Not live' : 'Connecting again', 'wait');
    if (isOver) refresh(); // perhaps somebody has signed out, here or in another tab
  });
  for (const topic of topics) {
    stream.addEventListener(topic, (event) => {
      if (!of.length || of.some((id) => event.data.includes(id))) soon();
    });
  }
  stream.addEventListener('status.updated', () => document.dispatchEvent(new CustomEvent('status')));
  addEventListener('pagehide', () => stream.close());
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}
