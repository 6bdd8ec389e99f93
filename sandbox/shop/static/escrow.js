// What a payment into an escrow means to the buyer, and how its contract stands.

import { written } from './money.js';

const BY_STATUS = {
  created: ['The contract is being made', 'It takes the chain a few seconds.', 'wait'],
  requires_action: ['The contract waits for your deposit', 'Nobody but you can pay it in, and nobody can take it elsewhere.', 'wait'],
  processing: ['Your deposit is being confirmed', 'This page tells you when it is final.', 'wait'],
  succeeded: ['Paid, and held by the contract', 'The workshop gets the money when you have your order.', 'good'],
  partially_refunded: ['Part of it is back in your wallet', 'The contract holds the rest.', 'good'],
  refunded: ['All of it is back in your wallet', '', 'good'],
  disputed: ['Disputed', 'Only the arbiter decides now who gets the money.', 'wait'],
  expired: ['Too late', 'The time to pay in has passed. Nothing left your wallet.', 'bad'],
  canceled: ['Not paid', 'Nothing left your wallet.', 'bad'],
  failed: ['No contract was made', 'Nothing left your wallet.', 'bad'],
};

const HAPPENED = {
  created: 'Contract made',
  deposited: 'Paid in',
  released: 'Released to the workshop',
  refunded: 'Paid back to you',
  reclaimed: 'Taken back by you',
  disputed: 'Dispute opened',
  paused: 'Releases stopped',
  unpaused: 'Releases go on',
  parked: 'Kept for its recipient to fetch',
  withdrawn: 'Fetched by its recipient',
  rescued: 'Given back',
  stray: 'Sent to the contract past its deposit',
};

const SHARED = ['Part of it is back in your wallet', 'The rest went to the workshop.', 'good'];
const RELEASED = ['All of it went to the workshop', 'The contract has paid it out.', 'good'];

export function escrowState(payment, escrow) {
  const isReleased = escrow && escrow.amount_held === '0' && escrow.amount_released !== '0';
  if (isReleased && payment.status === 'succeeded') return RELEASED;
  if (isReleased && payment.status === 'partially_refunded') return SHARED;
  return BY_STATUS[payment.status];
}

// What of it is not final yet may still be undone by the chain.
export function isMoving(escrow) {
  const { required_confirmations: required } = escrow;
  return ['deploying', 'deposit_seen'].includes(escrow.status)
    || (required !== null && escrow.tx_hash !== null && escrow.confirmations < required)
    || escrow.timeline.some(({ state }) => state === 'seen');
}

export function showEscrow(escrow) {
  const text = (name, value) => { document.querySelector(`#escrow-${name}`).textContent = value; };
  text('contract', escrow.contract_address);
  text('chain', `${escrow.chain} (${escrow.chain_id})`);
  text('amount', written(escrow.amount, escrow.asset));
  text('held', written(escrow.amount_held, escrow.asset));
  text('confirmations', confirmations(escrow));
  text('fund-by', new Date(escrow.fund_by).toLocaleString('en-GB'));
  document.querySelector('#escrow-id').value = escrow.id;
  document.querySelector('#escrow-pay').hidden = escrow.status !== 'awaiting_deposit' || escrow.deposit === null;
  document.querySelector('#escrow-funding').hidden = escrow.status !== 'awaiting_deposit';
  document.querySelector('#escrow-timeline').replaceChildren(...escrow.timeline.map((one) => line(one, escrow)));
  document.querySelector('#escrow').hidden = false;
}

function confirmations({ confirmations: so_far, required_confirmations: required }) {
  if (required === null) return `${so_far}`;
  return so_far >= required ? `${so_far} (final from ${required})` : `${so_far} of ${required}`;
}

function line(effect, escrow) {
  const item = document.createElement('li');
  item.dataset.state = effect.state;
  const time = document.createElement('time');
  time.dateTime = effect.at;
  time.textContent = new Date(effect.at).toLocaleTimeString('en-GB');
  const words = document.createElement('span');
  const amount = effect.amount === '0' ? '' : ` · ${written(effect.amount, escrow.asset)}`;
  const state = { seen: ' · not final yet', orphaned: ' · undone by the chain' }[effect.state] ?? '';
  const hash = document.createElement('code');
  hash.textContent = `${effect.tx_hash.slice(0, 10)}…${effect.tx_hash.slice(-6)}`;
  words.append(`${HAPPENED[effect.kind] ?? effect.kind}${amount}${state} `, hash);
  item.append(time, words);
  return item;
}
