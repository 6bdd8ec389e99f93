// What a payment by bank means to its buyer, as far as it differs from one by card.

import { written } from './money.js';

// By the provider's own word for where the money is, while it is on its way.
const ON_ITS_WAY = {
  authorized: ['Your bank has your order to pay', 'It sends the money now. This page tells you when it has arrived.', 'wait'],
  executed: ['Your bank has sent the money', 'It is on its way to us. This page tells you when it has arrived.', 'wait'],
  stalled: ['The money takes longer than usual', 'Your bank has sent it, and it has not arrived yet. You need not do anything.', 'wait'],
};

const BY_STATUS = {
  created: ['Waiting for your bank', 'Say yes there to pay. Nothing has left your account so far.', 'wait'],
  requires_action: ['Waiting for you at your bank', 'Choose your bank and say yes there, or start again at the checkout.', 'wait'],
  processing: ['Your transfer is on its way', 'This page tells you when it has arrived.', 'wait'],
  expired: ['Too late', 'The time to pay has passed. Money that still arrives is sent back to you.', 'bad'],
  canceled: ['Not paid', 'Nothing left your account.', 'bad'],
  failed: ['Not paid', 'Nothing left your account.', 'bad'],
};

function missing(payment) {
  const left = BigInt(payment.amount) - BigInt(payment.bank.amount_received);
  return (left > 0n ? left : 0n).toString();
}

// Some of it has arrived, and not all of it.
export function isShort(payment) {
  return payment.bank !== null && payment.bank.amount_received !== '0' && missing(payment) !== '0';
}

// Undefined where a payment by bank says what one by card does: paid, refunded, disputed.
export function bankState(payment) {
  if (isShort(payment) && ['created', 'requires_action', 'processing', 'failed'].includes(payment.status)) {
    return ['Part of it has arrived', 'Please send the rest and quote the reference, or it cannot be found.', 'wait'];
  }
  if (payment.status === 'processing') return ON_ITS_WAY[payment.bank.provider_status] ?? BY_STATUS.processing;
  return BY_STATUS[payment.status];
}

// The bank's part of the order's page. A transfer can be too small; what is missing may follow, as
// long as it quotes the reference.
export function bankPanel(payment) {
  const waitsForMore = isShort(payment) && !['canceled', 'expired'].includes(payment.status);
  document.querySelector('#bank').hidden = !waitsForMore;
  if (!waitsForMore) return;
  const { reference, amount_received: arrived } = payment.bank;
  const text = (name, value) => { document.querySelector(`#bank-${name}`).textContent = value; };
  text('arrived', written(arrived, payment.currency));
  text('missing', written(missing(payment), payment.currency));
  text('reference', reference);
}
