// The escrow's part of the order's page: the contract, how final it is, and what happened on it.

import { written } from './money.js';
import { timeOf } from './timeline.js';

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
  const words = document.createElement('span');
  const amount = effect.amount === '0' ? '' : ` · ${written(effect.amount, escrow.asset)}`;
  const state = { seen: ' · not final yet', orphaned: ' · undone by the chain' }[effect.state] ?? '';
  const hash = document.createElement('code');
  hash.textContent = `${effect.tx_hash.slice(0, 10)}…${effect.tx_hash.slice(-6)}`;
  words.append(`${HAPPENED[effect.kind] ?? effect.kind}${amount}${state} `, hash);
  item.append(timeOf(effect.at), words);
  return item;
}
