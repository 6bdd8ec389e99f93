// The order's page: shows how an order's payment stands, and keeps that true.
//
// Listen first, look afterwards: then nothing falls in between. What is heard and what is looked up
// goes the same way: into `known`, and from there onto the page. Read `start` and `showOrder`.

import { dataset, strongroomFor } from './session.js';
import { lookAtStatus, showBanner, watchNetwork } from './banner.js';
import { bankPanel, isShort } from './bank_state.js';
import { isMoving } from './escrow_state.js';
import { showEscrow } from './escrow_panel.js';
import { offerInvoice } from './invoice.js';
import { written } from './money.js';
import { hasEnded, hasMoney, held, isOpen, stateOf } from './payment_state.js';
import { declined, explained } from './problems.js';
import { tell } from './timeline.js';

const { order: orderId } = dataset;
const strongroom = strongroomFor({ onWait: (text) => setText('#live', text) });
const known = { payments: new Map(), escrows: new Map(), releases: new Map() }; // each by its id
const ESCROW_AGAIN_MS = 1500;
const LOST_AGAIN_MS = 10_000;
let lookingAgain; // while the stream is lost

start().catch(failed);

async function start() {
  watchNetwork();
  window.addEventListener('online', () => look().catch(failed));
  await strongroom.listen({
    'payment.updated': (payment) => hearPayment(payment, true),
    'release.updated': (release) => hearRelease(release, true),
    'escrow.updated': hearEscrow,
    'status.updated': showBanner,
  }, showStream);
  await look();
}

async function look() {
  lookAtStatus(dataset.strongroom);
  const [payments, releases] = await Promise.all([
    strongroom.get(`/api/payments?order_id=${orderId}`),
    strongroom.get(`/api/releases?order_id=${orderId}`),
  ]);
  // Oldest first, as if all of it had just been heard.
  for (const payment of payments.data.reverse()) hearPayment(payment, false);
  for (const release of releases.data) hearRelease(release, false);
  if (!payments.data.length) show(['Not paid yet', 'The card was not asked for so far.', 'wait'], true);
}

function hearPayment(payment, isFresh) {
  if (payment.order_id !== orderId || !isNews(known.payments, payment)) return;
  const [title] = stateOf(payment, around(payment));
  const hasBack = payment.amount_refunded !== '0';
  const amount = written(hasBack ? payment.amount_refunded : payment.amount, payment.currency);
  // A payment that was begun says nothing yet, however often it is touched.
  const moment = payment.status === 'created' ? '' : payment.updated_at;
  const { provider_status: at, amount_received: arrived } = payment.bank ?? {};
  tell(`${payment.id} ${payment.status} ${moment} ${at} ${arrived}`, {
    at: payment.updated_at,
    text: `${title} · ${amount}`,
    isFresh,
  });
  if (payment.escrow_id) lookAtEscrow(payment.escrow_id).catch(() => {});
  showOrder();
}

function hearRelease(release, isFresh) {
  if (release.order_id !== orderId || !isNews(known.releases, release)) return;
  if (release.status === 'posted' && !release.escrow_id) {
    const text = `Released to the workshop · ${written(release.amount, release.currency)}`;
    tell(release.id, { at: release.updated_at, text, isFresh });
  }
  showOrder();
}

function hearEscrow(escrow) {
  if (escrow.order_id !== orderId) return;
  known.escrows.set(escrow.id, escrow);
  showOrder();
}

// How often a block was confirmed is not told: while that matters, it is asked for.
async function lookAtEscrow(escrowId) {
  const escrow = await strongroom.get(`/api/escrow/${escrowId}`);
  hearEscrow(escrow);
  if (isMoving(escrow)) setTimeout(() => lookAtEscrow(escrowId).catch(() => {}), ESCROW_AGAIN_MS);
}

// What was looked up may be older than what was heard meanwhile.
function isNews(things, thing) {
  const before = things.get(thing.id);
  if (before && before.updated_at > thing.updated_at) return false;
  things.set(thing.id, thing);
  return true;
}

function around(payment) {
  return { escrow: known.escrows.get(payment.escrow_id), releases: [...known.releases.values()] };
}

// One payment at most takes the order's money; as long as none does, the newest counts.
function showOrder() {
  const inOrder = [...known.payments.values()].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  const payment = inOrder.find(hasMoney) ?? inOrder.at(-1);
  if (!payment) return;
  const { escrow } = around(payment);
  const [title, text, tone] = stateOf(payment, around(payment));
  show([title, payment.failure ? declined(payment.failure) : text, tone], canTryAgain(payment));
  bankPanel(payment);
  if (escrow) showEscrow(escrow);
  if (hasMoney(payment) && payment.status !== 'processing') offerInvoice(strongroom, orderId);
  document.querySelector('#checkout').href =
    `/checkout/${orderId}?attempt=${known.payments.size + (hasEnded(payment) ? 1 : 0)}`;
  document.querySelector('#shops-side-payment').value = payment.id;
  document.querySelector('#shops-side').hidden = held(payment, around(payment)) === 0n;
}

// Whoever has sent a part sends the rest, instead of all of it once more; an open contract waits.
function canTryAgain(payment) {
  const isContract = payment.escrow_id && payment.status !== 'failed';
  return hasEnded(payment) || (isOpen(payment) && !isShort(payment) && !isContract);
}

function show([title, text, tone], mayTryAgain = false) {
  document.querySelector('#status').dataset.tone = tone;
  setText('#status-title', title);
  setText('#status-text', text);
  document.querySelector('#try-again').hidden = !mayTryAgain;
}

// The stream is a convenience: while it is lost, the page looks by itself, and says so.
function showStream(state) {
  const wasLost = document.querySelector('#live').dataset.state === 'lost';
  document.querySelector('#live').dataset.state = state;
  setText('#live', { live: 'live', lost: 'reconnecting' }[state]);
  if (state === 'lost') {
    lookingAgain ??= setInterval(() => look().catch(() => {}), LOST_AGAIN_MS);
  } else {
    clearInterval(lookingAgain);
    lookingAgain = undefined;
    // What a new stream does not tell, a look does.
    if (wasLost) look().catch(failed);
  }
}

function failed(error) {
  if (!known.payments.size) show(['Your payment cannot be shown', explained(error), 'bad']);
}

function setText(selector, text) {
  document.querySelector(selector).textContent = text;
}
