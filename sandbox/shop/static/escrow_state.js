// What a payment into an escrow means to its buyer: a title, what follows from it, and its tone.

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
