// What concerns everybody: the banner of an incident, and that there is no network.

const LOOK_AGAIN_MS = 60_000;

const banner = document.querySelector('#banner');

// `status` is what GET /api/status answers, and what the event `status.updated` says.
export function showBanner(status) {
  banner.hidden = !status.banner;
  banner.dataset.status = status.status;
  document.querySelector('#banner-text').textContent = status.banner ?? '';
  document.querySelector('#banner-until').textContent = expected(status.incidents);
  // Hints such as <p data-component="card"> stand where that part is used.
  for (const hint of document.querySelectorAll('[data-component]')) {
    hint.hidden = status.components[hint.dataset.component] === 'operational';
  }
}

// The status is public: no cookie, no sign-in.
export async function lookAtStatus(baseUrl) {
  try {
    const answer = await fetch(`${baseUrl}/api/status`);
    if (answer.ok) showBanner(await answer.json());
  } catch {
    // Without an answer, what was shown last stays.
  }
}

// For pages without a stream: look now, then each minute in which somebody can see the page.
export function keepLooking(baseUrl) {
  lookAtStatus(baseUrl);
  setInterval(() => { if (!document.hidden) lookAtStatus(baseUrl); }, LOOK_AGAIN_MS);
}

export function watchNetwork() {
  const show = () => { document.querySelector('#offline').hidden = navigator.onLine; };
  window.addEventListener('online', show);
  window.addEventListener('offline', show);
  show();
}

function expected(incidents) {
  const moments = incidents.map((one) => one.expected_at).filter(Boolean).sort();
  if (!moments.length) return '';
  const until = new Date(moments.at(-1));
  const isToday = until.toDateString() === new Date().toDateString();
  const options = isToday ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' };
  return `We expect it to be over by ${until.toLocaleString('en-GB', options)}.`;
}
