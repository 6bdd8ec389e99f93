// The order's page: shows the payment's state and keeps it true with server-sent events.

import { Strongroom, tokenFromShop } from './strongroom.js';
import { written } from './money.js';

const { strongroom: baseUrl, order: orderId } = document.querySelector('main').dataset;
const strongroom = new Strongroom(baseUrl, tokenFromShop);
const seen = new Set();
const payments = new Map(); // by id, each as it was last heard of

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
  await strongroom.listen(['payment.updated'], (_type, payment) => showPayment(payment, true), showStream);
  await look();
}

async function look() {
  const page = await strongroom.get(`/api/payments?order_id=${orderId}`);
  // Oldest first, as if all of it had just been heard.
  for (const payment of page.data.reverse()) showPayment(payment, false);
  if (!page.data.length) show(['Not paid yet', 'The card was not asked for so far.', 'wait'], true);
}

function showPayment(payment, isFresh) {
  // Whoever comes back from Stripe's page has several payments; a new one says nothing yet.
  const moment = payment.status === 'created' ? '' : payment.updated_at;
  const key = `${payment.id} ${payment.status} ${moment}`;
  if (payment.order_id !== orderId || seen.has(key)) return;
  seen.add(key);
  addLine(payment, isFresh);
  const known = payments.get(payment.id);
  if (!known || known.updated_at <= payment.updated_at) payments.set(payment.id, payment);
  showOrder();
}

// One payment at most takes the order's money; as long as none does, the newest counts.
function showOrder() {
  const inOrder = [...payments.values()].sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  const payment = inOrder.find(({ status }) => !OPEN.includes(status) && !ENDED.includes(status))
    ?? inOrder.at(-1);
  const [title, text, tone] = STATUS[payment.status] ?? [payment.status, '', 'wait'];
  const ended = ENDED.includes(payment.status);
  show([title, payment.failure?.message ?? text, tone], ended || OPEN.includes(payment.status));
  document.querySelector('#checkout').href =
    `/checkout/${orderId}?attempt=${payments.size + (ended ? 1 : 0)}`;
  document.querySelector('#staff-payment').value = payment.id;
  document.querySelector('#staff').hidden = !['succeeded', 'partially_refunded'].includes(payment.status);
}

function show([title, text, tone], canTryAgain = false) {
  document.querySelector('#status').dataset.tone = tone;
  document.querySelector('#status-title').textContent = title;
  document.querySelector('#status-text').textContent = text;
  document.querySelector('#try-again').hidden = !canTryAgain;
}

function addLine(payment, isFresh) {
  const line = document.createElement('li');
  line.className = isFresh ? 'fresh' : '';
  const time = document.createElement('time');
  time.dateTime = payment.updated_at;
  time.textContent = new Date(payment.updated_at).toLocaleTimeString('en-GB');
  const title = (STATUS[payment.status] ?? [payment.status])[0];
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
