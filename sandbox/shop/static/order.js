// The order's page: shows the payment's state and keeps it true with server-sent events.

import { Strongroom, tokenFromShop } from './strongroom.js';
import { written } from './money.js';
import { bankState, isShort, missing } from './bank.js';
import { escrowState, isMoving, showEscrow } from './escrow.js';

const { strongroom: baseUrl, order: orderId } = document.querySelector('main').dataset;
const strongroom = new Strongroom(baseUrl, tokenFromShop);
const seen = new Set();
const payments = new Map(); // by id, each as it was last heard of
const escrows = new Map(); // likewise
const LOOK_AGAIN_MS = 1500;

// One line for each status: a title, what it means to the buyer, and its tone.
const STATUS = {
  created: ['Waiting for your card', 'Nothing has been charged.', 'wait'],
  requires_action: ['Your bank asks you to confirm', 'Go back to the checkout to do so.', 'wait'],
  processing: ['Your payment is on its way', 'This page tells you when it has arrived.', 'wait'],
  succeeded: ['Paid, and held safely', 'The workshop gets the money when you have your order.', 'good'],
  failed: ['Not paid', 'Nothing was charged.', 'bad'],
  canceled: ['Canceled', 'Nothing was charged.', 'bad'],
  expired: ['Too late', 'The time to pay has passed. Nothing was charged.', 'bad'],
  partially_refunded: ['Part of it comes back to you', 'It takes a few days to arrive.', 'good'],
  refunded: ['All of it comes back to you', 'It takes a few days to arrive.', 'good'],
  disputed: ['Disputed', 'Your bank has asked for the money back.', 'wait'],
};

const OPEN = ['created', 'requires_action', 'failed']; // can still be paid
const ENDED = ['canceled', 'expired'];

start().catch((error) => show(['Cannot show the payment', error.message, 'bad']));

async function start() {
  // Listen first, look afterwards: whatever happens in between is heard.
  const hear = { 'payment.updated': (payment) => showPayment(payment, true), 'escrow.updated': hearEscrow };
  await strongroom.listen(Object.keys(hear), (type, news) => hear[type](news), showStream);
  await look();
}

async function look() {
  const page = await strongroom.get(`/api/payments?order_id=${orderId}`);
  // Oldest first, as if all of it had just been heard.
  for (const payment of page.data.reverse()) showPayment(payment, false);
  if (!page.data.length) show(['Not paid yet', 'The card was not asked for so far.', 'wait'], true);
}

function hearEscrow(escrow) {
  if (escrow.order_id !== orderId) return;
  escrows.set(escrow.id, escrow);
  if (payments.size) showOrder();
}

// How often a block was confirmed is not told: while that matters, it is asked for.
async function lookAtEscrow(escrowId) {
  const escrow = await strongroom.get(`/api/escrow/${escrowId}`);
  hearEscrow(escrow);
  if (isMoving(escrow)) setTimeout(() => lookAtEscrow(escrowId).catch(() => {}), LOOK_AGAIN_MS);
}

function showPayment(payment, isFresh) {
  // Whoever comes back from Stripe's page has several payments; a new one says nothing yet.
  const moment = payment.status === 'created' ? '' : payment.updated_at;
  const said = payment.bank && `${payment.bank.provider_status} ${payment.bank.amount_received}`;
  const key = `${payment.id} ${payment.status} ${moment} ${said}`;
  if (payment.order_id !== orderId || seen.has(key)) return;
  seen.add(key);
  addLine(payment, isFresh);
  const known = payments.get(payment.id);
  if (!known || known.updated_at <= payment.updated_at) payments.set(payment.id, payment);
  if (payment.escrow_id) lookAtEscrow(payment.escrow_id).catch(() => {});
  showOrder();
}

// Its title, its text and its tone.
function stateOf(payment) {
  if (payment.escrow_id) return escrowState(payment, escrows.get(payment.escrow_id));
  return (payment.bank && bankState(payment)) ?? STATUS[payment.status] ?? [payment.status, '', 'wait'];
}

// One payment at most takes the order's money; as long as none does, the newest counts.
function showOrder() {
  const inOrder = [...payments.values()].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  const payment = inOrder.find(({ status }) => !OPEN.includes(status) && !ENDED.includes(status))
    ?? inOrder.at(-1);
  const [title, text, tone] = stateOf(payment);
  const ended = ENDED.includes(payment.status);
  // Whoever has sent a part sends the rest, instead of all of it once more; an open contract waits.
  const canTryAgain = ended
    || (OPEN.includes(payment.status) && !isShort(payment) && !(payment.escrow_id && payment.status !== 'failed'));
  show([title, payment.failure?.message ?? text, tone], canTryAgain);
  showMissing(payment);
  if (escrows.has(payment.escrow_id)) showEscrow(escrows.get(payment.escrow_id));
  document.querySelector('#checkout').href =
    `/checkout/${orderId}?attempt=${payments.size + (ended ? 1 : 0)}`;
  document.querySelector('#staff-payment').value = payment.id;
  const isHeld = escrows.get(payment.escrow_id)?.amount_held !== '0';
  document.querySelector('#staff').hidden = !isHeld || !['succeeded', 'partially_refunded'].includes(payment.status);
}

function show([title, text, tone], canTryAgain = false) {
  document.querySelector('#status').dataset.tone = tone;
  document.querySelector('#status-title').textContent = title;
  document.querySelector('#status-text').textContent = text;
  document.querySelector('#try-again').hidden = !canTryAgain;
}

// A transfer can be too small; what is missing may follow, as long as it quotes the reference.
function showMissing(payment) {
  const isOpen = isShort(payment) && !ENDED.includes(payment.status);
  document.querySelector('#bank').hidden = !isOpen;
  if (!isOpen) return;
  const { reference, amount_received: arrived } = payment.bank;
  document.querySelector('#bank-arrived').textContent = written(arrived, payment.currency);
  document.querySelector('#bank-missing').textContent = written(missing(payment), payment.currency);
  document.querySelector('#bank-reference').textContent = reference;
}

function addLine(payment, isFresh) {
  const line = document.createElement('li');
  line.className = isFresh ? 'fresh' : '';
  const time = document.createElement('time');
  time.dateTime = payment.updated_at;
  time.textContent = new Date(payment.updated_at).toLocaleTimeString('en-GB');
  const [title] = stateOf(payment);
  const back = payment.amount_refunded !== '0';
  const amount = back ? payment.amount_refunded : payment.amount;
  line.append(time, `${title} · ${written(amount, payment.currency)}`);
  document.querySelector('#events').prepend(line);
}

function showStream(state) {
  // Back after a while: what a new stream does not tell, a look does.
  if (state === 'live' && document.querySelector('#live').dataset.state === 'lost') {
    look().catch((error) => show(['Cannot show the payment', error.message, 'bad']));
  }
  const live = document.querySelector('#live');
  live.dataset.state = state;
  live.textContent = { live: 'live', lost: 'reconnecting' }[state];
}
