// What to say when something goes wrong: one place, so that every page says it alike.
//
// Strongroom's errors have a `code` to act on and a `detail` to show; docs/api.md lists them all.
// Here are those that a buyer can meet, in words for a buyer. All others are said with `detail`.

const BY_CODE = {
  unreachable: () => (navigator.onLine
    ? 'We get no answer just now. Nothing is paid twice: please try again in a moment.'
    : 'You are offline. Nothing is lost: try again when you are back.'),
  card_declined: ({ problem }) => declined(problem),
  rate_limited: ({ retryAfterS }) => `That was a lot at once. Please try again in ${seconds(retryAfterS)}.`,
  too_many_requests: ({ retryAfterS }) => `Much is going on. Please try again in ${seconds(retryAfterS)}.`,
  unavailable: () => 'A part of the payment system does not answer. Nothing is paid twice: please try again in a moment.',
  invoice_not_ready: () => 'The invoice is still being made. Please try again in a minute.',
  unauthorized: () => 'You have been signed out. Reload this page to sign in again.',
  kyc_required: () => 'Before this payment we need to know you better. Please write to us.',
  currency_not_supported: () => 'This order cannot be paid in this way. Please choose another one.',
  not_found: () => 'This order is not here, or it is not yours.',
  internal: ({ problem }) => `That is a mistake of ours. If you write to us, quote ${problem.request_id}.`,
};

// What the payer can do, by the `next_step` of a payment's failure or of a 402.
const NEXT_STEP = {
  try_another_card: 'Please try another card.',
  check_card_details: 'Please check what you have typed.',
  contact_bank: 'Please ask your bank, or try another card.',
  try_again: 'Please try again in a moment.',
  authenticate: 'Please try again and confirm with your bank.',
  contact_support: 'Please write to us.',
};

export function explained(error) {
  return BY_CODE[error.code]?.(error) ?? error.message;
}

// `stripe_code` is for your own log: it tells thieves more than payers.
export function declined({ message, next_step: nextStep }) {
  return `${message} ${NEXT_STEP[nextStep] ?? ''}`.trim();
}

// What to say while a call waits to be tried again by itself.
export function waiting(error, waitS) {
  const why = { rate_limited: 'That was a lot at once', unreachable: 'No answer yet' }[error.code];
  return `${why ?? 'Still working on it'}: trying again in ${seconds(waitS)}.`;
}

function seconds(count) {
  return count === 1 ? 'a second' : `${count ?? 60} seconds`;
}
