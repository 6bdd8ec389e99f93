// Amounts come as strings of minor units ("12500"); people read "$125.00".

export function written(amount, currency) {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  const decimals = format.resolvedOptions().maximumFractionDigits;
  // As text all the way: a number would lose digits above 2^53.
  const digits = amount.padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  return format.format(decimals ? `${whole}.${digits.slice(-decimals)}` : whole);
}
