// What the public is told, above every page: read again whenever it changes.

import { call } from './calls.js';

const place = document.querySelector('[data-banner]');

async function read() {
  const { ok, body } = await call('GET', '/api/status');
  const text = ok ? body.banner : null;
  place.hidden = !text;
  place.textContent = text ?? '';
  place.dataset.status = body.status ?? '';
}

document.addEventListener('status', read);
read();
