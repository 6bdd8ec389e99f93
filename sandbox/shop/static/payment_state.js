// What a payment means to its buyer: [title, what follows from it, tone]. The tone is a colour.
//
// All rails have the same statuses; by bank and on chain some of them want other words.

import { bankState } from './bank_state.js';
import { escrowState } from './escrow_state.js';

const BY_STATUS = {
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

const RELEASED = ['The workshop has been paid', 'It got all that was held for this order.', 'good'];
const SHARED = ['Part of it comes back to you', 'The workshop got the rest.', 'good'];

const OPEN = ['created', 'requires_action', 'failed']; // can still be paid
const ENDED = ['canceled', 'expired']; // cannot be paid any more: another payment can
const HELD = ['succeeded', 'partially_refunded'];

export const isOpen = ({ status }) => OPEN.includes(status);
export const hasEnded = ({ status }) => ENDED.includes(status);
export const hasMoney = ({ status }) => !OPEN.includes(status) && !ENDED.includes(status);

export function stateOf(payment, { escrow, releases }) {
  if (payment.escrow_id) return escrowState(payment, escrow);
  const isReleased = HELD.includes(payment.status) && held(payment, { releases }) === 0n;
  if (isReleased) return payment.status === 'succeeded' ? RELEASED : SHARED;
  return (payment.bank && bankState(payment)) ?? BY_STATUS[payment.status] ?? [payment.status, '', 'wait'];
}

// What is still held for the order, in minor units. Amounts are strings: BigInt keeps all digits.
export function held(payment, { escrow, releases }) {
  if (!HELD.includes(payment.status)) return 0n;
  if (payment.escrow_id) return BigInt(escrow?.amount_held ?? payment.amount);
  const left = BigInt(payment.amount) - BigInt(payment.amount_refunded);
  return releases
    .filter((release) => release.payment_id === payment.id && release.status === 'posted')
    .reduce((sum, release) => sum - BigInt(release.amount), left);
}
