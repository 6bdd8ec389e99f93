// The checkout's page. Read this file first: it starts each way to pay and says what went wrong.
//
//   by card            card.js: Stripe's card field, and the bank's window (3D Secure)
//   on Stripe's page   here: a page of Stripe's own, and back
//   by bank            here: a page where the payer chooses their bank, and back
//   on chain           here: an escrow contract; it is paid on the order's page
//
// Nobody is believed that money was paid but Strongroom, so every way ends on the order's page,
// which hears of it.

import { dataset, strongroomFor } from './session.js';
import { lookAtStatus, showBanner, watchNetwork } from './banner.js';
import { declined, explained } from './problems.js';
import { sayOfCard, takeCard } from './card.js';

const { order: orderId, attempt } = dataset;
const strongroom = strongroomFor({ onWait: say });
const message = document.querySelector('#message');
const WAYS = { '#by-bank': payByBank, '#on-stripes-page': payOnStripesPage, '#on-chain': payOnChain };

// Each attempt to pay is a payment of its own, and its reference says which: a reload, a second
// click and a call that is tried again come to the same payment, and nobody pays twice.
const reference = (way) => `${way}-${orderId}-${attempt}`;

start().catch(failed);

async function start() {
  watchNetwork();
  lookAtStatus(dataset.strongroom);
  if (window.location.hash === '#again') say('Your last attempt to pay has ended, and nothing was paid. Please choose again.');
  for (const [button, pay] of Object.entries(WAYS)) {
    document.querySelector(button)?.addEventListener('click', (event) => go(event.currentTarget, pay));
  }
  if (document.querySelector('#card-form')) await offerCard();
}

async function offerCard() {
  if (!window.Stripe) throw new Error('Stripe.js could not be loaded, so no card can be taken.');
  const payment = await strongroom.post('/api/payments/intents', {
    reference: reference('checkout'),
    order_id: orderId,
  });
  if (['canceled', 'expired'].includes(payment.status)) return startOver();
  if (!['created', 'requires_action', 'failed'].includes(payment.status)) return showOrder();
  takeCard(payment, { onPaid: showOrder });
  if (payment.failure) sayOfCard(declined(payment.failure));
  // Stripe says at once that a card was declined. Strongroom follows, and knows what to do next.
  await strongroom.listen({
    'payment.updated': (news) => {
      if (news.id === payment.id && news.failure) sayOfCard(declined(news.failure));
    },
    'status.updated': showBanner,
  });
}

async function payOnStripesPage() {
  const payment = await strongroom.post('/api/payments/stripe/checkout-session', {
    reference: reference('page'),
    order_id: orderId,
    success_url: orderPage(),
    // Whoever turns back there comes here, for another attempt.
    cancel_url: `${window.location.origin}/checkout/${orderId}?attempt=${Number(attempt) + 1}`,
  });
  leaveFor(payment.url);
}

async function payByBank() {
  const payment = await strongroom.post('/api/payments/bank/link', {
    reference: reference('bank'),
    order_id: orderId,
    return_url: orderPage(),
  });
  leaveFor(payment.link_url);
}

async function payOnChain() {
  await strongroom.post('/api/escrow/deploy-contract', {
    reference: reference('escrow'),
    order_id: orderId,
    asset: dataset.currency,
  });
  showOrder();
}

// A button that is pressed twice does its thing once.
async function go(button, pay) {
  button.disabled = true;
  say('');
  try {
    await pay();
  } catch (error) {
    failed(error);
    button.disabled = false;
  }
}

// A page to pay on has no address any more once it has expired, or was left.
function leaveFor(page) {
  if (page) window.location.assign(page);
  else startOver();
}

function failed(error) {
  // Somebody pays in another tab, or has paid: the order's page says how far that is.
  if (['order_not_open', 'payment_in_progress'].includes(error.code)) return showOrder();
  say(explained(error));
}

function startOver() {
  window.location.replace(`/checkout/${orderId}?attempt=${Number(attempt) + 1}#again`);
}

function showOrder() {
  window.location.assign(orderPage());
}

function orderPage() {
  return `${window.location.origin}/orders/${orderId}`;
}

function say(text) {
  message.textContent = text;
  message.hidden = !text;
}
