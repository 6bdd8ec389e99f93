// Amounts come as strings of minor units ("12500"); people read "$125.00".

// What no country issues, browsers do not know.
const CHAIN_DECIMALS = { USDC: 6, ETH: 18 };

export function written(amount, currency) {
  if (currency in CHAIN_DECIMALS) return onChain(amount, currency);
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const decimals = format.resolvedOptions().maximumFractionDigits;
  // As text all the way: a number would lose digits above 2^53.
  const digits = amount.padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  return format.format(decimals ? `${whole}.${digits.slice(-decimals)}` : whole);
}

// To the cent, or to the last digit there is.
function onChain(amount, currency) {
  const decimals = CHAIN_DECIMALS[currency];
  const digits = amount.padStart(decimals + 1, '0');
  const whole = new Intl.NumberFormat('en').format(BigInt(digits.slice(0, -decimals)));
  const fraction = digits.slice(-decimals).replace(/0+$/, '').padEnd(2, '0');
  return `${currency}\u00a0${whole}.${fraction}`;
}
